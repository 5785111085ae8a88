# Everything of integrations/github that manages Actions and that the server serves, in an
# organization. `second` says whether this is the configuration as it was changed later.
terraform {
  required_providers {
    github = { source = "integrations/github" }
  }
}

variable "base_url" { type = string }
variable "reviewer" { type = number } # id of a user
variable "second" { type = bool }

provider "github" {
  base_url       = var.base_url
  owner          = "acme"
  write_delay_ms = 1
  max_retries    = 0
}

# Another organization, as what one restricts its repositories do not set.
provider "github" {
  alias          = "guild"
  base_url       = var.base_url
  owner          = "guild"
  write_delay_ms = 1
  max_retries    = 0
}

resource "github_repository" "app" {
  name                   = var.second ? "service" : "app"
  description            = var.second ? "A service, äöü" : "An app"
  homepage_url           = var.second ? "https://example.com/service" : ""
  visibility             = var.second ? "public" : "private"
  auto_init              = true
  has_issues             = var.second
  has_wiki               = !var.second
  has_projects           = var.second
  allow_squash_merge     = !var.second
  allow_rebase_merge     = var.second
  allow_auto_merge       = var.second
  delete_branch_on_merge = var.second
}

resource "github_repository" "lib" {
  name       = "lib"
  visibility = "private"
  auto_init  = true
  topics     = ["go", "ci"]
  archived   = var.second
}

resource "github_repository_topics" "app" {
  repository = github_repository.app.name
  topics     = var.second ? ["actions", "self-hosted"] : ["actions"]
}

resource "github_branch" "next" {
  repository    = github_repository.app.name
  branch        = "feature/next"
  source_branch = "main"
}

resource "github_repository_file" "workflow" {
  repository          = github_repository.app.name
  branch              = "main"
  file                = ".github/workflows/hello.yml"
  content             = "on: workflow_dispatch\njobs: {only: {runs-on: ubuntu-latest, steps: [{run: 'echo ${var.second ? "second" : "first"}'}]}}\n"
  commit_message      = "Say hello"
  commit_author       = "Octo"
  commit_email        = "octo@example.com"
  overwrite_on_create = true
}

resource "github_actions_repository_permissions" "app" {
  repository           = github_repository.app.name
  allowed_actions      = "selected"
  sha_pinning_required = var.second
  depends_on           = [github_actions_organization_permissions.acme] # Actions is disabled until it has selected the repository
  allowed_actions_config {
    github_owned_allowed = var.second
    verified_allowed     = !var.second
    patterns_allowed     = var.second ? ["octo/*", "acme/tool@v1"] : ["octo/*"]
  }
}

resource "github_actions_organization_permissions" "acme" {
  enabled_repositories = "selected"
  allowed_actions      = "all"
  enabled_repositories_config {
    repository_ids = var.second ? [github_repository.app.repo_id] : [github_repository.app.repo_id, github_repository.lib.repo_id]
  }
}

resource "github_actions_organization_permissions" "guild" {
  provider             = github.guild
  enabled_repositories = "all"
  allowed_actions      = "selected"
  sha_pinning_required = var.second # the provider does not say that it is false
  allowed_actions_config {
    github_owned_allowed = true
    verified_allowed     = var.second
    patterns_allowed     = var.second ? ["octo/*"] : ["octo/*", "acme/*"]
  }
}

resource "github_actions_organization_workflow_permissions" "acme" {
  organization_slug                = "acme"
  default_workflow_permissions     = var.second ? "write" : "read"
  can_approve_pull_request_reviews = var.second
}

resource "github_actions_secret" "app" {
  repository  = github_repository.app.name
  secret_name = "REPOSITORY_SECRET"
  value       = var.second ? "another" : "one"
}

resource "github_actions_variable" "app" {
  repository    = github_repository.app.name
  variable_name = "REPOSITORY_VARIABLE"
  value         = var.second ? "another" : "one"
}

resource "github_actions_organization_secret" "each" {
  for_each    = toset(["all", "private", "selected"])
  secret_name = "SECRET_FOR_${upper(each.key)}"
  visibility  = each.key
  value       = var.second ? "another" : "one"
}

resource "github_actions_organization_secret_repositories" "selected" {
  secret_name             = github_actions_organization_secret.each["selected"].secret_name
  selected_repository_ids = var.second ? [github_repository.app.repo_id] : [github_repository.app.repo_id, github_repository.lib.repo_id]
}

resource "github_actions_organization_secret" "one" {
  secret_name = "SECRET_FOR_ONE"
  visibility  = "selected"
  value       = "one"
}

resource "github_actions_organization_secret_repository" "one" {
  secret_name   = github_actions_organization_secret.one.secret_name
  repository_id = var.second ? github_repository.lib.repo_id : github_repository.app.repo_id
}

resource "github_actions_organization_variable" "each" {
  for_each      = toset(["all", "private", "selected"])
  variable_name = "VARIABLE_FOR_${upper(each.key)}"
  visibility    = each.key
  value         = var.second ? "another" : "one"
}

resource "github_actions_organization_variable_repositories" "selected" {
  variable_name           = github_actions_organization_variable.each["selected"].variable_name
  selected_repository_ids = var.second ? [github_repository.lib.repo_id] : [github_repository.app.repo_id, github_repository.lib.repo_id]
}

resource "github_actions_organization_variable" "one" {
  variable_name = "VARIABLE_FOR_ONE"
  visibility    = "selected"
  value         = "one"
}

resource "github_actions_organization_variable_repository" "one" {
  variable_name = github_actions_organization_variable.one.variable_name
  repository_id = var.second ? github_repository.lib.repo_id : github_repository.app.repo_id
}

resource "github_repository_environment" "production" {
  repository          = github_repository.app.name
  environment         = "production/eu west"
  wait_timer          = var.second ? 30 : 10
  can_admins_bypass   = !var.second
  prevent_self_review = var.second
  reviewers {
    users = [var.reviewer]
  }
  deployment_branch_policy {
    protected_branches     = true
    custom_branch_policies = false
  }
}

resource "github_actions_environment_secret" "production" {
  repository  = github_repository.app.name
  environment = github_repository_environment.production.environment
  secret_name = "ENVIRONMENT_SECRET"
  value       = var.second ? "another" : "one"
}

resource "github_actions_environment_variable" "production" {
  repository    = github_repository.app.name
  environment   = github_repository_environment.production.environment
  variable_name = "ENVIRONMENT_VARIABLE"
  value         = var.second ? "another" : "one"
}

resource "github_actions_runner_group" "builders" {
  name                       = var.second ? "builders" : "machines"
  visibility                 = "selected"
  selected_repository_ids    = var.second ? [github_repository.lib.repo_id] : [github_repository.app.repo_id, github_repository.lib.repo_id]
  allows_public_repositories = var.second
  restricted_to_workflows    = var.second
  selected_workflows         = var.second ? ["acme/lib/.github/workflows/hello.yml@refs/heads/main"] : []
}

resource "github_actions_organization_oidc_subject_claim_customization_template" "acme" {
  include_claim_keys = var.second ? ["repo", "context", "job_workflow_ref"] : ["repo", "context"]
}

resource "github_actions_repository_oidc_subject_claim_customization_template" "app" {
  repository         = github_repository.app.name
  use_default        = false
  include_claim_keys = var.second ? ["repo", "ref"] : ["repo", "actor"]
}

# What reads of the same show.
data "github_repository" "app" {
  name       = github_repository.app.name
  depends_on = [github_repository_topics.app]
}

data "github_repository_branches" "app" {
  repository = github_branch.next.repository
}

data "github_repository_file" "workflow" {
  repository = github_repository_file.workflow.repository
  branch     = github_repository_file.workflow.branch
  file       = github_repository_file.workflow.file
}

data "github_repository_environments" "app" {
  repository = github_repository_environment.production.repository
}

data "github_actions_variables" "app" {
  name = github_actions_variable.app.repository
}

data "github_actions_secrets" "app" {
  name = github_actions_secret.app.repository
}

data "github_actions_environment_variables" "production" {
  name        = github_actions_environment_variable.production.repository
  environment = github_actions_environment_variable.production.environment
}

data "github_actions_environment_secrets" "production" {
  name        = github_actions_environment_secret.production.repository
  environment = github_actions_environment_secret.production.environment
}

data "github_actions_organization_variables" "acme" {
  depends_on = [github_actions_organization_variable.each, github_actions_organization_variable.one]
}

data "github_actions_organization_secrets" "acme" {
  depends_on = [github_actions_organization_secret.each, github_actions_organization_secret.one]
}

data "github_actions_repository_oidc_subject_claim_customization_template" "app" {
  name = github_actions_repository_oidc_subject_claim_customization_template.app.repository
}

output "repository" {
  value = "${data.github_repository.app.full_name}, ${data.github_repository.app.visibility}, ${join(" ", data.github_repository.app.topics)}"
}

output "branches" {
  value = join(" ", sort(data.github_repository_branches.app.branches[*].name))
}

output "workflow" {
  value = "${regex("echo [a-z]+", data.github_repository_file.workflow.content)}, ${data.github_repository_file.workflow.commit_message}"
}

output "environments" {
  value = join(" ", data.github_repository_environments.app.environments[*].name)
}

output "variables" {
  value = join(" ", sort([for v in concat(tolist(data.github_actions_variables.app.variables), tolist(data.github_actions_environment_variables.production.variables), tolist(data.github_actions_organization_variables.acme.variables)) : "${v.name}=${v.value}"]))
}

output "secrets" {
  value = join(" ", sort(concat(tolist(data.github_actions_secrets.app.secrets), tolist(data.github_actions_environment_secrets.production.secrets), tolist(data.github_actions_organization_secrets.acme.secrets))[*].name))
}

output "subject" {
  value = join(" ", data.github_actions_repository_oidc_subject_claim_customization_template.app.include_claim_keys)
}
