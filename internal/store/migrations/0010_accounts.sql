-- Whose runs end, and which of them have not: accounts that are suspended are few.
create index accounts_suspended on accounts (suspended, id) where suspended = 1;
create index runs_open on runs (triggering_id) where status <> 'completed';

-- A session ends with the token that somebody signed in with.
alter table tokens add column parent_id bigint references tokens (id) on delete cascade;
create index tokens_parent on tokens (parent_id) where parent_id is not null;

-- Who made a token that acts for somebody else, or that adds runners; 0 for nobody.
alter table tokens add column creator_id bigint not null default 0;
alter table registration_tokens add column creator_id bigint not null default 0;

create index tokens_account on tokens (account_id, id) where kind <> 'job';
