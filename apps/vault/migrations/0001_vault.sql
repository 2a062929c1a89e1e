-- The followed ledger: all 64-byte entries, the newest checkpoint that they add up to, and what the ledger showed that
-- did not fit (kept as evidence).
create table entries (
  leaf bigint primary key check (leaf >= 0),
  entry bytea not null check (octet_length(entry) = 64)
);
create table checkpoint (
  single boolean primary key default true check (single),
  size bigint not null,
  note text not null,
  seen_at timestamptz not null
);
create table conflicts (
  note text primary key,
  code text not null,
  held text not null,
  at timestamptz not null
);

-- COSE bytes of statements by their digest: they hash to an entry, or were told to this vault directly.
create table statements (
  cose_digest text primary key,
  cose bytea not null
);
-- Contracts that the followed record has shown; the salt is that of the first version and makes the subject key.
create table contracts (
  contract text primary key,
  salt bytea not null check (octet_length(salt) = 16)
);
-- Statements that someone told this vault directly and that count before the ledger shows them.
create table told (
  digest text primary key,
  contract text not null,
  cose bytea not null,
  at timestamptz not null
);
create index told_contract on told (contract);

create table keks (
  kek text primary key,
  project text not null,
  org text not null,
  role text not null,
  sealed bytea not null,
  statement bytea not null,
  created_at timestamptz not null,
  unique (project, org, role)
);
create table wrapped_keys (
  wcek text not null,
  kek text not null references keks,
  bytes bytea not null,
  primary key (wcek, kek)
);

create table challenges (
  nonce text primary key,
  expires_at timestamptz not null,
  used_by text
);
create index challenges_expiry on challenges (expires_at);

-- One row for each room that this vault has reserved a run for; a run is unique for ever.
create table releases (
  run text not null,
  room text not null,
  contracts text[] not null,
  manifest text not null,
  org text not null,
  state text not null check (state in ('reserved', 'released', 'denied')),
  reservation bytea not null,
  reserved_at timestamptz not null,
  answer bytea,
  release_not_after timestamptz,
  primary key (run, room),
  check ((state = 'released') = (answer is not null and release_not_after is not null))
);
create table clearances (
  run text not null,
  room text not null,
  outcome text not null,
  bits bigint not null,
  bytes bigint not null,
  statement bytea not null,
  primary key (run, room),
  foreign key (run, room) references releases
);
create table denials (
  run text not null,
  code text not null,
  primary key (run, code)
);

-- Statements that must reach the ledger, in this order for each run (or contract).
create table outbox (
  id bigint generated always as identity primary key,
  run text not null,
  cose bytea not null,
  salt bytea not null,
  leaf bigint,
  refused text
);
create index outbox_open on outbox (run, id) where leaf is null and refused is null;

create table refusals (
  id bigint generated always as identity primary key,
  run text not null,
  orgs text[] not null,
  verified boolean not null,
  at timestamptz not null,
  reasons jsonb not null
);
create index refusals_at on refusals (verified, at);
