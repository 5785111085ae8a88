-- The audit log: who changed what, from where and when. Entries are added, never
-- changed and never removed. They keep names and ids and refer to no row, since what
-- they name may be gone.
create table audit_entries (
  id         bigint primary key, -- 1, 2, 3 …, without a gap
  action     text not null,
  operation  text not null,
  created_at bigint not null,
  actor_id   bigint not null, -- 0 for the server itself
  actor      text not null,
  actor_ip   text not null,
  origin     text not null, -- JSON: the rest of the actor
  org_id     bigint not null,
  org        text not null,
  repo_id    bigint not null,
  repo       text not null,
  user_id    bigint not null,
  user_login text not null,
  data       text not null, -- JSON
  hash       {{bytes}} not null
);
create index audit_entries_action on audit_entries (action, id);
create index audit_entries_actor on audit_entries (lower(actor), id);
create index audit_entries_org on audit_entries (org_id, id);
create index audit_entries_repo on audit_entries (lower(repo), id);
create index audit_entries_user on audit_entries (lower(user_login), id);
{{append_only audit_entries}}

-- The last entry: its id and its hash.
create table audit_head (
  one  bigint primary key,
  id   bigint not null,
  hash {{bytes}} not null
);
insert into audit_head (one, id, hash) values (1, 0, '');
