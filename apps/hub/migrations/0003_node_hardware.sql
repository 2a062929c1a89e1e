-- What hardware a node's rooms prove themselves by; null where it starts simulated rooms only.
alter table nodes add column hardware text;
