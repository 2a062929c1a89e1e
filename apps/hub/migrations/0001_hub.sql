-- The hub's tables. `statements` is what happened and is never changed; everything else is a projection of it, or what
-- people wrote beside it (details, notes), which can be erased.

create table statements (
  cose_digest text primary key,
  digest text not null,
  type text not null,
  org text not null,
  kid text not null,
  leaf bigint not null unique,
  proof text not null,
  cose bytea not null,
  issued_at timestamptz not null,
  project text,
  contract text,
  run text
);
create index statements_org on statements (org, leaf);
create index statements_project on statements (project, leaf) where project is not null;
create index statements_contract on statements (contract, leaf) where contract is not null;
create index statements_run on statements (run, leaf) where run is not null;

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'statements are append-only' using errcode = 'restrict_violation';
end $$;
create trigger statements_append_only before update or delete or truncate on statements
  for each statement execute function refuse_change();

-- How far the hub has read the ledger, and the checkpoint it read it under.
create table ledger_view (
  one boolean primary key default true check (one),
  size bigint not null,
  root text not null,
  position bigint not null
);

create table organisations (
  org text primary key,
  name text not null,
  domain text not null,
  root text not null,
  vaults jsonb not null,
  registered_at timestamptz not null
);

create table people (
  kid text primary key,
  org text not null references organisations,
  name text not null,
  key text not null,
  receiving text not null,
  uses jsonb not null,
  revoked boolean not null default false
);
create index people_org on people (org);

create table registration_codes (
  code_hash text primary key,
  expires_at timestamptz not null,
  used_by text
);

create table challenges (
  challenge_hash text primary key,
  expires_at timestamptz not null
);

create table sessions (
  token_hash text primary key,
  kid text not null references people,
  org text not null references organisations,
  expires_at timestamptz not null
);
create index sessions_kid on sessions (kid);

create table projects (
  project text primary key,
  name text not null,
  description text not null,
  technology text not null,
  state text not null default 'Active',
  created_at timestamptz not null,
  created_by text not null references people
);

create table project_participants (
  project text not null references projects,
  org text not null references organisations,
  role text not null,
  place int not null,
  primary key (project, org)
);
create index project_participants_org on project_participants (org);

create table artifacts (
  project text not null references projects,
  org text not null references organisations,
  kind text not null,
  digest text not null,
  version int not null,
  published_at timestamptz not null,
  published_by text not null,
  sensitivity text,
  withdrawn boolean not null default false,
  statement text not null references statements,
  primary key (project, org, kind, digest),
  unique (project, org, kind, version)
);

-- What people write; erased without touching the record.
create table artifact_details (
  statement text primary key references statements,
  name text not null,
  description text not null,
  version_tag text not null,
  version_description text not null
);

create table artifact_answers (
  project text not null,
  kind text not null,
  digest text not null,
  org text not null references organisations,
  said text not null,
  primary key (project, kind, digest, org)
);

create table documents (
  project text not null references projects,
  digest text not null,
  content bytea not null,
  primary key (project, digest)
);

-- Signed URLs are secrets: sealed under the key file of the data directory.
create table asset_urls (
  project text not null references projects,
  org text not null references organisations,
  kind text not null,
  digest text not null,
  sealed bytea not null,
  primary key (project, org, kind, digest)
);

create table run_configurations (
  run_configuration text primary key,
  project text not null references projects,
  name text not null,
  description text not null,
  contract text not null unique,
  pair text not null,
  revoked boolean not null default false,
  created_at timestamptz not null,
  created_by text not null references people
);
create unique index run_configurations_pair on run_configurations (project, pair) where not revoked;

create table runs (
  run text primary key,
  run_number int not null,
  run_configuration text not null references run_configurations,
  project text not null references projects,
  contract text not null,
  status text not null,
  detail text,
  requested_at timestamptz not null,
  initiated_at timestamptz,
  taken_at timestamptz,
  node text,
  heard_at timestamptz,
  ended_at timestamptz,
  sealed text,
  envelope text,
  unique (project, run_number)
);
create unique index runs_open on runs (run_configuration) where ended_at is null;
create index runs_unfinished on runs (initiated_at) where ended_at is null;

create table run_stages (
  run text not null references runs,
  place int generated always as identity,
  stage text not null,
  at timestamptz not null,
  detail text,
  primary key (run, place)
);

-- A room as a vault of the contract vouched for it.
create table run_rooms (
  run text not null references runs,
  kid text not null,
  sign text not null,
  manifest text not null,
  sequence bigint not null default -1,
  last_event text,
  primary key (run, kid)
);

create table notes (
  digest text primary key,
  run_configuration text not null references run_configurations,
  content text not null
);

create table receipts (
  run text primary key references runs,
  parts bytea not null,
  receipt bytea
);

-- `created_by` is null where the operator made the code.
create table node_codes (
  code_hash text primary key,
  name text not null,
  created_by text references people,
  expires_at timestamptz not null
);

create table nodes (
  node text primary key,
  name text not null,
  key text not null,
  simulator text,
  launch text not null,
  isolation text not null,
  max_vcpu int not null,
  max_memory_gib int not null,
  enrolled_by text references people,
  last_seen_at timestamptz
);

create table node_nonces (
  node text not null references nodes,
  nonce text not null,
  seen_at timestamptz not null,
  primary key (node, nonce)
);
create index node_nonces_seen on node_nonces (seen_at);
