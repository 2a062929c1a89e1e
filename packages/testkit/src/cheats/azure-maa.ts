// Rooms that a made-up provider of Azure Attestation vouches for, and every cheat with its tokens: of a VM, whose TPM the
// provider looked at and where the room's program names the run, and of a container, where the hardware's host data does.
import { type Entry, NO_COLLATERAL } from '@sealroom/attest';
import { hexEncode, type JsonObject } from '@sealroom/bytes';
import { FakeMaa, MAA_ISSUER, MAA_LAUNCH, MAA_POLICY, SNP_CLAIMS, TDX_CLAIMS } from '../vendors/azure-maa.ts';
import { tokenSigner } from '../vendors/tokens.ts';
import {
  type Cheat,
  type CheatTable,
  joined,
  none,
  type PlayedTechnology,
  startedForAnother,
} from './cheats.ts';
import { keySetRows, type PublishingService, setOf } from './key-sets.ts';
import { bytesRows, cheatsOf, claimsRows, within } from './tokens.ts';

type Form = 'guest' | 'direct';

/** Where the claims of the hardware stand. */
const TEE: { readonly [form in Form]: readonly string[] } = { guest: ['x-ms-isolation-tee'], direct: [] };
const VM = 'azure-maa:vm:70f5ce9a-2bdc-4b6b-8401-e9b964d3aeb7';
const PLATFORM: { readonly [form in Form]: string } = {
  guest: VM,
  direct: `azure-maa:report:${'11'.repeat(32)}`,
};
const ISSUER: { readonly [form in Form]: string } = {
  guest: MAA_ISSUER,
  direct: 'https://made-up-containers.weu.attest.azure.net',
};
const ZEROS = '00'.repeat(48);

async function serviceOf(form: Form, now: number): Promise<PublishingService> {
  const maa = await FakeMaa.create(now);
  const issuer = ISSUER[form];
  return {
    technology: 'azure-maa',
    now,
    issuer,
    jwks: maa.jwks,
    signer: maa.signer,
    stranger: await tokenSigner('RS256'),
    claims: ({ reportData, hostData }) => {
      if (form === 'guest') return maa.guest(reportData);
      const tee = { ...SNP_CLAIMS, 'x-ms-sevsnpvm-hostdata': hexEncode(hostData) };
      return { ...maa.direct(reportData, tee), iss: issuer };
    },
    sign: async (payload, header, signer) => maa.token(payload, header, signer),
  };
}

function entryOf(form: Form): Entry {
  return {
    technology: 'azure-maa',
    issuer: ISSUER[form],
    keys: 'published',
    policyHash: [MAA_POLICY],
    form,
    ...(form === 'guest' && { guest: { registers: [4, 7, 11, 12], console: 'forbidden' } }),
    compliance: ['azure-compliant-cvm'],
    tee: {
      type: 'sevsnpvm',
      launch: [MAA_LAUNCH],
      minimumTcb: { bootloader: 4, tee: 0, snp: 24, microcode: 219 },
    },
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: [PLATFORM[form]],
    ...(form === 'guest' ? { runBinding: 'software' } : { hostData: 'manifest' }),
  };
}

/** What the provider finds of the hardware. */
function hardwareRows(service: PublishingService, form: Form) {
  const { told, claimed } = cheatsOf(service);
  const tee = (what: string, expected: readonly string[], change: JsonObject): Cheat =>
    claimed(what, expected, (claims) => within(claims, TEE[form], change));
  const svn = (name: string, value: number) =>
    tee(`old ${name}`, told('tcb', 'tcb'), { [`x-ms-sevsnpvm-${name}-svn`]: value });
  const parts = Object.keys(SNP_CLAIMS).filter((name) => name.startsWith('x-ms-sevsnpvm'));
  const nothing = Object.fromEntries(parts.map((name) => [name, null]));
  return {
    debug: [
      tee('a guest that its host may debug', told('debug', 'debug'), {
        'x-ms-sevsnpvm-is-debuggable': true,
      }),
      tee('no word on debugging', told('debug', 'debug'), { 'x-ms-sevsnpvm-is-debuggable': null }),
    ],
    'provisional or old firmware': [
      svn('bootloader', 3),
      svn('snpfw', 23),
      svn('microcode', 218),
      tee('a version as text', told('tcb', 'tcb'), { 'x-ms-sevsnpvm-snpfw-svn': '24' }),
    ],
    'other code': [
      tee('another launch measurement', told('code', 'launch'), {
        'x-ms-sevsnpvm-launchmeasurement': ZEROS,
      }),
    ],
    'another configuration': [
      tee('another privilege level', told('configuration', 'vmpl'), { 'x-ms-sevsnpvm-vmpl': 1 }),
      tee('a guest that may be migrated', told('configuration', 'migration'), {
        'x-ms-sevsnpvm-migration-allowed': true,
      }),
      tee('hardware that does not comply', told('configuration', 'compliance'), {
        'x-ms-compliance-status': 'none',
      }),
      claimed('another policy of the provider', told('configuration', 'policy'), {
        'x-ms-policy-hash': 'A'.repeat(43),
      }),
      claimed('a VM that nothing isolates', told('technology', 'isolation'), (claims) =>
        form === 'guest'
          ? { ...claims, 'x-ms-isolation-tee': null }
          : { ...claims, 'x-ms-attestation-type': 'azurevm' },
      ),
      tee(
        'hardware of another kind',
        [
          ...told('technology', 'tee'),
          ...told('code', 'launch'),
          ...told('tcb', 'tcb'),
          ...told('configuration', 'vmpl', 'migration'),
          ...(form === 'guest' ? [] : [...told('platform', 'platform'), ...told('run-binding', 'run')]),
        ],
        { ...nothing, ...TDX_CLAIMS },
      ),
    ],
  } satisfies Partial<CheatTable>;
}

/** What the provider finds of a VM above its hardware. */
function guestRows(service: PublishingService) {
  const { told, claimed } = cheatsOf(service);
  const configured = (what: string, check: string, change: JsonObject): Cheat =>
    claimed(what, told('configuration', check), (claims) =>
      within(claims, ['x-ms-isolation-tee', 'x-ms-runtime', 'vm-configuration'], change),
    );
  const debug = ['bootdebug', 'kerneldebug', 'hypervisordebug', 'testsigning'];
  return {
    debug: debug.map((name) =>
      claimed(name, told('debug', 'guest-debug'), { [`x-ms-azurevm-${name}-enabled`]: true }),
    ),
    'other code': [
      claimed('the paravisor with host data of its launcher', told('code', 'host-data'), (claims) =>
        within(claims, TEE.guest, { 'x-ms-sevsnpvm-hostdata': '06'.repeat(32) }),
      ),
      claimed('registers at which nobody looked', told('code', 'registers'), {
        'x-ms-azurevm-attested-pcrs': [4, 7, 11],
      }),
    ],
    'another configuration': [
      claimed('no secure boot', told('configuration', 'secure-boot'), { secureboot: false }),
      configured('no secure boot, as its paravisor says', 'secure-boot', { 'secure-boot': false }),
      configured('a console', 'console', { 'console-enabled': true }),
      configured('a TPM into which nothing is measured', 'tpm-enabled', { 'tpm-enabled': false }),
      configured('the TPM of another VM', 'vm', { vmUniqueId: 'other' }),
    ],
    'another machine or project': [
      claimed('another VM', told('platform', 'platform'), (claims) => ({
        ...within(claims, ['x-ms-isolation-tee', 'x-ms-runtime', 'vm-configuration'], {
          vmUniqueId: 'other',
        }),
        'x-ms-azurevm-vmid': 'other',
      })),
    ],
    'another nonce': [
      claimed('no nonce', [...told('room-binding', 'binding'), ...told('run-binding', 'run')], {
        'x-ms-runtime': {},
      }),
      claimed(
        'a nonce that the hardware’s runtime has',
        [...told('room-binding', 'binding'), ...told('run-binding', 'run')],
        ({ 'x-ms-runtime': chosen, ...claims }) => ({ ...claims, 'x-ms-runtime': {}, nonce: chosen ?? null }),
      ),
    ],
    'started for another run': none('of a VM only the room’s program names the run: see “another manifest”'),
  } satisfies Partial<CheatTable>;
}

/** What is told of a container alone. */
function containerRows(service: PublishingService) {
  const { prove, told, claimed } = cheatsOf(service);
  return {
    'another machine or project': [
      claimed('another report', told('platform', 'platform'), { 'x-ms-sevsnpvm-reportid': '12'.repeat(32) }),
    ],
    'started for another run': [
      startedForAnother('azure-maa', prove),
      claimed('for none', told('run-binding', 'run'), { 'x-ms-sevsnpvm-hostdata': '00'.repeat(32) }),
    ],
  } satisfies Partial<CheatTable>;
}

/** Another provider, of whom nobody asked that its keys be had. */
function issuerRows(service: PublishingService) {
  const { told, claimed } = cheatsOf(service);
  const unknown = [
    ...told('evidence', 'issuer', 'key-set', 'signature'),
    ...told('revocation', 'revocation'),
  ];
  return {
    'a token of another issuer': [
      claimed('another provider', unknown, { iss: 'https://other.weu.attest.azure.net' }),
      {
        what: 'another name of the provider',
        told: told('evidence', 'issuer'),
        attempt: async ({ good }) => ({
          body: await service.sign({ ...service.claims(good), iss: `${service.issuer}/` }),
          keySets: [await setOf(service)],
        }),
      },
    ],
  } satisfies Partial<CheatTable>;
}

async function play(form: Form, now: number): Promise<PlayedTechnology> {
  const service = await serviceOf(form, now);
  const path = `/azure-attestation/${form}/certs`;
  const fields = {
    nonce: { 'x-ms-runtime': {} },
    'the provider’s policy': { 'x-ms-policy-hash': 'A'.repeat(43) },
    'the end': { exp: Math.floor(now / 1000) + 28_799 },
    'the hardware’s measurement': (claims: JsonObject) =>
      within(claims, TEE[form], { 'x-ms-sevsnpvm-launchmeasurement': ZEROS }),
  };
  return {
    title: form === 'guest' ? 'Azure Attestation of a VM' : 'Azure Attestation of a container',
    technology: 'azure-maa',
    sensitivity: 'real',
    entry: entryOf(form),
    roots: {},
    platform: PLATFORM[form],
    answers: new Map([[path, { body: service.jwks }]]),
    keySets: { [service.issuer]: path },
    collateral: NO_COLLATERAL,
    published: [await setOf(service)],
    imports: [],
    basis: 'vaults',
    prove: cheatsOf(service).prove,
    cheats: joined(
      bytesRows(service, fields),
      claimsRows(service, form === 'guest' ? 'software' : 'field'),
      keySetRows(service),
      issuerRows(service),
      hardwareRows(service, form),
      form === 'guest' ? guestRows(service) : containerRows(service),
      { 'a token for another audience': none('tokens of Azure Attestation name no audience') },
    ),
  };
}

/** @param now milliseconds since 1970, when all is good */
export const playMaaGuest = async (now: number): Promise<PlayedTechnology> => play('guest', now);
export const playMaaContainer = async (now: number): Promise<PlayedTechnology> => play('direct', now);
