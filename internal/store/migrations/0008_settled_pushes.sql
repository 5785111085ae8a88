-- Whether it is known what became of a push: its updates are those that were made,
-- then. It is noted before the next push of the repository may move a ref.
alter table pushes add column settled bigint not null default 0;
create index pushes_repo on pushes (repo_id);
