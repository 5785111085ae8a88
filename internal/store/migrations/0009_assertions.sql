-- The address by which a runner was registered, empty for older ones: what it signs
-- is for that.
alter table runners add column url text not null default '';

-- What runners have proved themselves with, until it expires: once is enough.
create table assertions (
  hash       {{bytes}} primary key,
  expires_at bigint not null
);
create index assertions_expiry on assertions (expires_at);
