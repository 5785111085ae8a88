// Calls every method of octokit.rest.actions whose operation a server has, with the
// plugins that programs use, and prints what went wrong. It reads from its input:
//
//   baseUrl, token
//   served: {"GET /repos/{}/{}/actions/runs": ["guild", "hello"], …}, each operation with
//     the values of its parameters, in order
//   own: values that some calls need instead, by name
import { Octokit } from "@octokit/rest";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import Bottleneck from "bottleneck/light.js";
import sodium from "libsodium-wrappers";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { baseUrl, token, served, own } = JSON.parse(text);

const wrong = [];
const limited = (after, options) => {
  wrong.push(`${options.method} ${options.url} was limited for ${after} s`);
  return false;
};
const quiet = () => {};
const octokit = new (Octokit.plugin(retry, throttling))({
  baseUrl,
  auth: token,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  throttle: {
    onRateLimit: limited,
    onSecondaryRateLimit: limited,
    write: new Bottleneck.Group({ maxConcurrent: 1 }), // which is a second between two writes, else
  },
});

// sealed is the body of a secret, encrypted by libsodium for the public key that a method returns.
const sealed = (method, more = {}) => async () => {
  const { endpoint } = octokit.rest.actions[method];
  const { data } = await octokit.rest.actions[method](parametersOf(endpoint, served[operationOf({ endpoint })]));
  await sodium.ready;
  const box = sodium.crypto_box_seal(sodium.from_string("hello"), sodium.from_base64(data.key, sodium.base64_variants.ORIGINAL));
  return { key_id: data.key_id, encrypted_value: sodium.to_base64(box, sodium.base64_variants.ORIGINAL), ...more };
};

// changes are the methods that change something and their bodies, in an order in which
// all can be called. null stands for all methods that read.
const changes = [
  ["createWorkflowDispatch", { ref: "main" }],
  ["disableWorkflow"],
  ["enableWorkflow"],
  ["setWorkflowAccessToRepository", { access_level: "none" }],
  ["setGithubActionsPermissionsOrganization", { enabled_repositories: "selected", allowed_actions: "all" }],
  ["setGithubActionsPermissionsRepository", { enabled: true, allowed_actions: "selected" }],
  ["setAllowedActionsRepository", { github_owned_allowed: true, patterns_allowed: ["octo/*"] }],
  ["setGithubActionsPermissionsOrganization", { enabled_repositories: "selected", allowed_actions: "selected" }],
  ["setAllowedActionsOrganization", { github_owned_allowed: true, patterns_allowed: ["octo/*"] }],
  ["setGithubActionsDefaultWorkflowPermissionsOrganization", { default_workflow_permissions: "write" }],
  ["setGithubActionsDefaultWorkflowPermissionsRepository", { default_workflow_permissions: "read" }],
  ["setSelectedRepositoriesEnabledGithubActionsOrganization", { selected_repository_ids: [own.repository] }],
  ["enableSelectedRepositoryGithubActionsOrganization"],
  ["setCustomOidcSubClaimForRepo", { use_default: false, include_claim_keys: ["repo", "context"] }],
  ["createOrUpdateRepoSecret", sealed("getRepoPublicKey")],
  ["createOrUpdateEnvironmentSecret", sealed("getEnvironmentPublicKey")],
  ["createOrUpdateOrgSecret", sealed("getOrgPublicKey", { visibility: "selected", selected_repository_ids: [own.repository] })],
  ["setSelectedReposForOrgSecret", { selected_repository_ids: [own.repository] }],
  ["addSelectedRepoToOrgSecret"],
  ["createRepoVariable", { name: "MORE", value: "x" }],
  ["createEnvironmentVariable", { name: "MORE", value: "x" }],
  ["createOrgVariable", { name: "MORE", value: "x", visibility: "all" }],
  ["updateRepoVariable", { value: "y" }],
  ["updateEnvironmentVariable", { value: "y" }],
  ["updateOrgVariable", { value: "y" }],
  ["setSelectedReposForOrgVariable", { selected_repository_ids: [own.repository] }],
  ["addSelectedRepoToOrgVariable"],
  ["createRegistrationTokenForRepo"],
  ["createRemoveTokenForRepo"],
  ["createRegistrationTokenForOrg"],
  ["createRemoveTokenForOrg"],
  ["generateRunnerJitconfigForRepo", { name: "octokit", runner_group_id: 1, labels: ["x"] }],
  ["generateRunnerJitconfigForOrg", { name: "octokit", runner_group_id: 1, labels: ["x"] }],
  ["addRepoAccessToSelfHostedRunnerGroupInOrg"],
  ["removeCustomLabelFromSelfHostedRunnerForRepo"],
  ["removeCustomLabelFromSelfHostedRunnerForOrg"],
  ["addCustomLabelsToSelfHostedRunnerForRepo", { labels: ["gpu"] }],
  ["addCustomLabelsToSelfHostedRunnerForOrg", { labels: ["gpu"] }],
  ["setCustomLabelsForSelfHostedRunnerForRepo", { labels: ["gpu", "big"] }],
  ["setCustomLabelsForSelfHostedRunnerForOrg", { labels: ["gpu", "big"] }],
  null,
  ["cancelWorkflowRun", {}, "queued"],
  ["reRunWorkflow", {}, "queued"],
  ["forceCancelWorkflowRun", {}, "queued"],
  ["approveWorkflowRun", {}, "waiting"],
  ["removeSelectedRepoFromOrgSecret"],
  ["removeSelectedRepoFromOrgVariable"],
  ["deleteRepoSecret"],
  ["deleteEnvironmentSecret"],
  ["deleteOrgSecret"],
  ["deleteRepoVariable"],
  ["deleteEnvironmentVariable"],
  ["deleteOrgVariable"],
  ["disableSelectedRepositoryGithubActionsOrganization"],
  ["removeAllCustomLabelsFromSelfHostedRunnerForRepo"],
  ["removeAllCustomLabelsFromSelfHostedRunnerForOrg"],
  ["deleteSelfHostedRunnerFromRepo"],
  ["deleteSelfHostedRunnerFromOrg"],
  ["deleteActionsCacheByKey", { key: "first" }],
  ["deleteActionsCacheById"],
  ["deleteArtifact"],
  ["deleteWorkflowRunLogs"],
  ["deleteWorkflowRun"],
];

const operationOf = ({ endpoint }) =>
  `${endpoint.DEFAULTS.method} ${endpoint.DEFAULTS.url.replaceAll(/\{\?[^}]*\}/g, "").replaceAll(/\{[^}]*\}/g, "{}")}`;

// parametersOf are the values of what is in the path of an operation, by the names that Octokit has for them.
const parametersOf = ({ DEFAULTS }, values) => Object.fromEntries([...DEFAULTS.url.matchAll(/\{([^?}]*)\}/g)].map((m, i) => [m[1], values[i]]));

const called = new Set();
async function call(name, body = {}, special) {
  const method = octokit.rest.actions[name];
  if (!method) return wrong.push(`there is no method ${name}`);
  called.add(name);
  const operation = operationOf(method);
  const values = served[operation];
  if (!values) return wrong.push(`${name} calls ${operation}, which is not served`);
  const parameters = { ...(typeof body === "function" ? await body() : body), ...parametersOf(method.endpoint, values) };
  if (special) parameters.run_id = own[special];
  try {
    await method(parameters);
    if (name.startsWith("list")) {
      for await (const page of octokit.paginate.iterator(method, { ...parameters, per_page: 1 })) {
        if (!Array.isArray(page.data)) wrong.push(`${name} has pages that are no lists`);
        break;
      }
    }
  } catch (e) {
    wrong.push(`${name} (${operation}): ${e.status ?? ""} ${e.message}`);
  }
}

const methods = Object.keys(octokit.rest.actions);
for (const change of changes) {
  if (change) {
    await call(...change);
    continue;
  }
  for (const name of methods) {
    const operation = operationOf(octokit.rest.actions[name]);
    if (operation.startsWith("GET ") && served[operation]) await call(name);
  }
}
for (const name of methods) {
  const operation = operationOf(octokit.rest.actions[name]);
  if (served[operation] && !called.has(name)) wrong.push(`nobody calls ${name} (${operation}), which is served: put it into the table`);
}
console.log(JSON.stringify({ methods: methods.length, called: called.size, wrong }));
