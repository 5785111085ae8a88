-- Logins of accounts that were deleted. What belonged to them never comes from another host.
create table former_owners (
  login_key text primary key -- lower case
);
insert into former_owners (login_key) select distinct lower(user_login) from audit_entries where action = 'user.delete' and user_login <> '';

-- Commits of repositories of other hosts, kept to hand them out as actions.
create table kept_actions (
  id           {{id}},
  name         text not null, -- owner/repo
  name_key     text not null, -- lower case
  sha          text not null,
  origin       text not null, -- fetched, imported, made_here
  host         text not null, -- '' where it came from a file
  pack         text not null, -- blob
  pack_size    bigint not null,
  archive      text not null, -- blob
  archive_size bigint not null,
  kept_at      bigint not null,
  used_at      bigint not null,
  unique (name_key, sha)
);
create index kept_actions_pack on kept_actions (pack);
create index kept_actions_archive on kept_actions (archive);
create index kept_actions_fetched on kept_actions (used_at) where origin = 'fetched';

-- What branches and tags of them mean, by the host that said so: '' for the operator.
create table kept_action_refs (
  name_key  text not null,
  ref       text not null,
  host      text not null,
  action_id bigint not null references kept_actions (id) on delete cascade,
  asked_at  bigint not null,
  primary key (name_key, ref, host)
);
create index kept_action_refs_action on kept_action_refs (action_id);

-- What the actions that a run uses stood for.
create table run_actions (
  run_id   bigint not null references runs (id) on delete cascade,
  attempt  bigint not null,
  name_key text not null, -- lower case
  ref      text not null,
  sha      text not null,
  name     text not null,
  origin   text not null,
  host     text not null,
  kept_at  bigint not null,
  asked_at bigint not null,
  primary key (run_id, attempt, name_key, ref, sha)
);
