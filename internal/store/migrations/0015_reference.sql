-- == Environments ==========================================================

-- What jobs deploy to. A rule that is set here makes the jobs wait that name the environment.
create table environments (
  id                  {{id}},
  repo_id             bigint not null references repositories (id) on delete cascade,
  name                text not null,
  name_key            text not null, -- lower case
  wait_timer          bigint not null default 0, -- minutes
  prevent_self_review bigint not null default 0,
  reviewers           text not null default '[]', -- JSON
  branch_policy       text not null default '', -- protected, custom; empty for every branch and tag
  admins_bypass       bigint not null default 1,
  created_at          bigint not null,
  updated_at          bigint not null,
  unique (repo_id, name_key)
);

-- What a job deploys to, as its workflow names it; empty for nothing.
alter table jobs add column environment text not null default '';
alter table jobs add column environment_key text not null default ''; -- lower case
create index jobs_environment on jobs (repo_id, run_id) where status = 'queued' and environment <> '';

-- == Lists of runs =========================================================

-- Lists are read from the newest run on, narrowed by each parameter and each pair of
-- them. A list that few of very many runs fit is found by an index of its own: without
-- one, all that fit one parameter are read. Runs of one commit are few.
drop index runs_workflow;
drop index runs_repo_status;
drop index runs_repo_conclusion;
drop index runs_repo_branch;
drop index runs_repo_event;
drop index runs_repo_sha;
drop index runs_repo_actor;
create index runs_by_time on runs (repo_id, created_at, id);
create index runs_by_workflow on runs (repo_id, workflow_id, created_at, id);
create index runs_by_actor on runs (repo_id, actor_id, created_at, id);
create index runs_by_branch on runs (repo_id, head_branch, created_at, id);
create index runs_by_event on runs (repo_id, event, created_at, id);
create index runs_by_sha on runs (repo_id, head_sha, created_at, id);
create index runs_by_status on runs (repo_id, status, created_at, id) where status <> 'completed';
create index runs_by_conclusion on runs (repo_id, conclusion, created_at, id) where conclusion <> '';
create index runs_by_workflow_actor on runs (repo_id, workflow_id, actor_id, created_at, id);
create index runs_by_workflow_branch on runs (repo_id, workflow_id, head_branch, created_at, id);
create index runs_by_workflow_event on runs (repo_id, workflow_id, event, created_at, id);
create index runs_by_workflow_conclusion on runs (repo_id, workflow_id, conclusion, created_at, id) where conclusion <> '';
create index runs_by_actor_branch on runs (repo_id, actor_id, head_branch, created_at, id);
create index runs_by_actor_event on runs (repo_id, actor_id, event, created_at, id);
create index runs_by_actor_conclusion on runs (repo_id, actor_id, conclusion, created_at, id) where conclusion <> '';
create index runs_by_branch_event on runs (repo_id, head_branch, event, created_at, id);
create index runs_by_branch_conclusion on runs (repo_id, head_branch, conclusion, created_at, id) where conclusion <> '';
create index runs_by_event_conclusion on runs (repo_id, event, conclusion, created_at, id) where conclusion <> '';

-- == Selected repositories =================================================

-- Which of its repositories an organization has selected for something of it.
create table selected_repositories (
  selected_for text not null, -- secret, variable, actions, self-hosted-runners, runner-group
  org_id       bigint not null references accounts (id) on delete cascade,
  name         text not null, -- of the secret or variable, or the id of the runner group; else empty
  repo_id      bigint not null references repositories (id) on delete cascade,
  primary key (selected_for, org_id, name, repo_id)
);
create index selected_repositories_repo on selected_repositories (repo_id);

-- == Secrets and variables =================================================

-- The ids of the master keys that secrets are encrypted with. The keys are in a file.
create table secret_keys (
  id         text primary key,
  newest     bigint not null, -- 1 for the one that new secrets are encrypted with
  created_at bigint not null
);
create unique index secret_keys_newest on secret_keys (newest) where newest = 1;

-- Of an organization, a repository or an environment: the other two are null.
create table secrets (
  id             {{id}},
  org_id         bigint references accounts (id) on delete cascade,
  repo_id        bigint references repositories (id) on delete cascade,
  environment_id bigint references environments (id) on delete cascade,
  name           text not null, -- in upper case
  visibility     text not null default '', -- of an organization's: all, private, selected
  key_id         text not null references secret_keys (id),
  sealed         {{bytes}} not null, -- encrypted, and bound to its holder and name
  created_at     bigint not null,
  updated_at     bigint not null
);
create unique index secrets_org on secrets (org_id, name) where org_id is not null;
create unique index secrets_repo on secrets (repo_id, name) where repo_id is not null;
create unique index secrets_environment on secrets (environment_id, name) where environment_id is not null;
create index secrets_key on secrets (key_id, id);

create table variables (
  id             {{id}},
  org_id         bigint references accounts (id) on delete cascade,
  repo_id        bigint references repositories (id) on delete cascade,
  environment_id bigint references environments (id) on delete cascade,
  name           text not null, -- in upper case
  visibility     text not null default '',
  value          text not null,
  created_at     bigint not null,
  updated_at     bigint not null
);
create unique index variables_org on variables (org_id, name) where org_id is not null;
create unique index variables_repo on variables (repo_id, name) where repo_id is not null;
create unique index variables_environment on variables (environment_id, name) where environment_id is not null;

-- == Permissions ===========================================================

-- When the logs of an attempt expire: 0 for never, as of one that has none any more, and
-- -1 where nobody has decided that yet, since older servers kept all.
alter table attempts add column logs_expire_at bigint not null default 0;
update attempts set logs_expire_at = -1;
create index attempts_logs_expire_at on attempts (logs_expire_at) where logs_expire_at <> 0;

-- == Repositories ==========================================================

alter table repositories add column internal bigint not null default 0; -- private is 1, too
alter table repositories add column archived bigint not null default 0;
alter table repositories add column homepage text not null default '';
alter table repositories add column topics text not null default '[]'; -- JSON
alter table repositories add column options text not null default '{}'; -- JSON; what is absent is as in a new repository

-- Names that repositories have had. One that is given again leads to the new one.
create table former_names (
  owner_id bigint not null references accounts (id) on delete cascade,
  name_key text not null, -- lower case
  repo_id  bigint not null references repositories (id) on delete cascade,
  primary key (owner_id, name_key)
);
create index former_names_by_repo on former_names (repo_id);

-- Repositories that are gone, and whose files may still be there.
create table deleted_repositories (
  id bigint primary key
);
