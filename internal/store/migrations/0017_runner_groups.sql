-- Runner groups of organizations and of the enterprise. Number 1 is the default group of
-- each: it has a row, of another number, once something of it was set.
create table runner_groups (
  id            {{id}},
  owner_id      bigint not null, -- an organization; 0 for the enterprise
  name          text not null,
  name_key      text not null, -- lower case
  is_default    bigint not null default 0,
  visibility    text not null, -- all, private, selected
  allows_public bigint not null default 0, -- a setting has it of the default group
  restricted    bigint not null default 0,
  workflows     text not null default '[]', -- JSON
  created_at    bigint not null,
  unique (owner_id, name_key)
);
insert into runner_groups (owner_id, name, name_key, visibility, created_at) values (-1, '', '', 'all', 0); -- takes number 1
delete from runner_groups;

-- The organizations that a group of the enterprise is for, where they are selected.
create table runner_group_organizations (
  group_id bigint not null, -- 1 for the default group
  org_id   bigint not null references accounts (id) on delete cascade,
  primary key (group_id, org_id)
);
create index runner_group_organizations_org on runner_group_organizations (org_id);

alter table runners add column group_id bigint not null default 1;
create index runners_group on runners (owner_id, group_id, id) where repo_id = 0;

-- The group of the runner that acquired a job, by then. All that ran before had one of the
-- default group; of a job that none has acquired they mean nothing.
alter table jobs add column runner_group_id bigint not null default 1;
alter table jobs add column runner_group_name text not null default 'Default';

-- To name the default group meant what it means to name none, and such jobs shared their
-- labels. Those that wait go on so: every runner is in the default group now.
update label_sets set runner_group = '' where lower(runner_group) = 'default';
update jobs set runner_group = '' where status = 'queued' and lower(runner_group) = 'default';

-- Names of labels, so that each has one number wherever it is. A label that no runner was
-- shown with yet has none.
create table runner_labels (
  id       {{id}},
  name_key text not null unique -- lower case
);
