// Python's text of a float, repr(): the shortest digits that give it back, as JavaScript's, but with other exponents.
export function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponentText = '0'] = Math.abs(value).toExponential().split('e');
  const sign = value < 0 ? '-' : '';
  const exponent = Number(exponentText);
  if (exponent >= -4 && exponent < 16) {
    const plain = digits.replace('.', '');
    if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${plain}`;
    const whole = plain.slice(0, exponent + 1).padEnd(exponent + 1, '0');
    return `${sign}${whole}.${plain.slice(exponent + 1) || '0'}`;
  }
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${sign}${digits}e${exponent < 0 ? '-' : '+'}${size}`;
}
