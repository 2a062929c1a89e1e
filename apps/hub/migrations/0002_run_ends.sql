-- What a room handed in as the end of its run, from before the ledger hears of it until ledger and hub both have it, or the
-- ledger has refused it. One a run: until it is settled no other is taken. The sealed output lies in the objects folder.
create table run_ends (
  run text primary key references runs,
  cose_digest text not null,
  cose bytea not null,
  parts bytea not null,
  handed_in_at timestamptz not null
);
