// Sends examples by octokit.request, one after the other, and prints the status that each
// is answered with. It reads from its input:
//
//   baseUrl, token
//   examples: [{route: "GET /repos/{owner}/{repo}", parameters: {owner: "guild", …}}, …]
import { Octokit } from "@octokit/rest";

let text = "";
for await (const chunk of process.stdin) text += chunk;
const { baseUrl, token, examples } = JSON.parse(text);
const quiet = () => {};
const octokit = new Octokit({ baseUrl, auth: token, log: { debug: quiet, info: quiet, warn: quiet, error: quiet } });

const statuses = [];
for (const { route, parameters } of examples) {
  try {
    const { status } = await octokit.request(route, { ...parameters, request: { redirect: "manual" } });
    statuses.push(status);
  } catch (err) {
    statuses.push(err.status ?? String(err));
  }
}
console.log(JSON.stringify(statuses));
