// Registers `attest`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';

const KEYS = 'a JWK set that you got from this issuer of tokens yourself; trusted as of the time of judging';
const VOUCHED =
  'a JWK set that you say is this issuer’s, since nothing signs it: your word counts until it ends';
const COLLATERAL = 'certificates, revocation lists, TCB info and so on, in files of any names';

export function registerAttest(program: Command, lazily: Lazily): void {
  const attest = program.command('attest').description('what rooms run, and evidence of hardware');
  attest
    .command('measure')
    .description(
      'compute what evidence will say of the code: of the room program here, or of a machine’s image',
    )
    .option('--technology <name>', 'simulated (as installed here), sev-snp or tdx', 'simulated')
    .option('--firmware <file>', 'sev-snp, tdx: OVMF as the hypervisor gets it')
    .option('--vcpus <number>', 'sev-snp: virtual processors')
    .option('--processor <name>', 'sev-snp: their model by QEMU’s name, such as EPYC-Milan')
    .option('--hypervisor <name>', 'sev-snp: qemu, ec2 or gce (default: qemu)')
    .option('--kernel <file>', 'the kernel of a direct boot')
    .option('--initrd <file>', 'its initial RAM disk')
    .option('--command-line <text>', 'its command line')
    .option('--page-order <order>', 'tdx: page-by-page or section-by-section (default: page-by-page)')
    .option('--memory <bytes>', 'tdx, with a kernel: memory of the machine')
    .option('--acpi-loader <file>', 'tdx, with a kernel: QEMU’s etc/table-loader')
    .option('--acpi-rsdp <file>', 'tdx, with a kernel: etc/acpi/rsdp')
    .option('--acpi-tables <file>', 'tdx, with a kernel: etc/acpi/tables')
    .option('--boot0000 <hex>', 'tdx, with a kernel: SHA-384 of the firmware’s own load option')
    .action(lazily(async () => (await import('./measure.ts')).measure));
  attest
    .command('inspect')
    .description('show what stands in evidence of any technology; nothing is authenticated')
    .argument('<file>', 'report, quote, document or token')
    .option('--technology <name>', 'which technology, where a file may be of several')
    .action(lazily(async () => (await import('./actions.ts')).inspect));
  attest
    .command('policy')
    .description('write a policy that accepts exactly this evidence, as a start')
    .argument('<file>', 'report, quote, document or token')
    .option('--technology <name>', 'which technology, where a file may be of several')
    .option('--at <time>', 'judge as of this time (default: now)')
    .option('--collateral <folder>', COLLATERAL)
    .option('--keys <issuer=file...>', KEYS)
    .action(lazily(async () => (await import('./actions.ts')).policy));
  attest
    .command('verify')
    .description('hold evidence against a policy, offline (exit 0: affirmed, 1: refused, 2: unusable)')
    .argument('<file>', 'report, quote, document or token')
    .requiredOption('--policy <file>', 'the policy')
    .option('--technology <name>', 'which technology, where a file may be of several')
    .option('--at <time>', 'judge as of this time (default: now)')
    .option('--collateral <folder>', COLLATERAL)
    .option('--keys <issuer=file...>', KEYS)
    .option('--report-data <hex>', 'what the evidence must bind, where the policy says "room"')
    .option('--host-data <hex>', 'SHA-256 of the manifest, where the policy says "room"')
    .action(lazily(async () => (await import('./actions.ts')).verify));
  registerCollateral(attest, lazily);
}

const FOLDER = 'where it is kept (default: collateral in the home)';

function registerCollateral(attest: Command, lazily: Lazily): void {
  const collateral = attest
    .command('collateral')
    .description('keep what vendors publish beside evidence: certificates, revocation lists, TCB info');
  collateral
    .command('import')
    .description('take files of any names, all of them or none')
    .argument('[path...]', 'files, or folders of files')
    .option('--keys <issuer=file...>', VOUCHED)
    .option('--until <time>', 'until when you vouch for these keys, at most 30 days (default: 24 hours)')
    .option('--folder <folder>', FOLDER)
    .action(lazily(async () => (await import('./collateral.ts')).importFiles));
  collateral
    .command('list')
    .description('show what is kept, of whom and until when, and what ends soon')
    .option('--folder <folder>', FOLDER)
    .option('--within <days>', 'what ends within so many days ends soon (default: 7)')
    .action(lazily(async () => (await import('./collateral.ts')).list));
  collateral
    .command('fetch')
    .description('fetch what evidence needs from the vendors’ services (exit 0: all is there, 1: not all)')
    .argument('<file>', 'report, quote or document')
    .option('--folder <folder>', FOLDER)
    .option('--services <file>', 'addresses that stand in for the vendors’ own, JSON')
    .option('--ca <file>', 'authorities (PEM) to trust for the services’ TLS instead of the system’s')
    .action(lazily(async () => (await import('./collateral.ts')).fetchFor));
}
