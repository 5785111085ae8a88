-- Runners of the Default group have worked for public repositories: where there was
-- anybody before, they go on.
insert into settings (scope, id, key, value)
  select 'enterprise', 0, 'allows_public_repositories', 'true' where exists (select 1 from accounts);
