-- What the vendors' collateral was that an answer rests on, as canonical JSON of its pieces, so that a room that asks again gets
-- what its receipt needs and not what has been fetched since.
alter table releases add column collateral bytea;
