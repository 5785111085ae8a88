-- The keys that sign OIDC tokens, and those that have signed some which are valid still.
create table signing_keys (
  id          text primary key, -- kid
  certificate {{bytes}} not null, -- DER: the public key
  key_id      text not null references secret_keys (id),
  sealed      {{bytes}} not null, -- the private key, encrypted and bound to the id
  created_at  bigint not null,
  signs_from  bigint not null
);
create index signing_keys_key on signing_keys (key_id);
