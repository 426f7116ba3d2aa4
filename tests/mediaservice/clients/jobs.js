// A client by @azure/arm-mediaservices: assets, jobs, lists, cancellation. Reads its settings from variables.
const assert = require("assert");
const { AzureMediaServices } = require("@azure/arm-mediaservices");

const { TOKEN, NAME: name, GROUP, ACCOUNT, SUBSCRIPTION, ENDPOINT: endpoint } = process.env;
const at = [GROUP, ACCOUNT];
const credential = { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3600000 }) };
const url = "https://lake1.blob.core.windows.net/raw/party.mp4";

async function names(jobs) {
  const found = [];
  for await (const job of jobs) found.push(job.name);
  return found;
}

async function main() {
  const client = new AzureMediaServices(credential, SUBSCRIPTION, { endpoint, credentialScopes: ["any"] });
  await client.assets.createOrUpdate(...at, name, { description: "made by a client" });
  const preset = { odataType: "#Microsoft.Media.FaceDetectorPreset", mode: "Combined" };
  await client.transforms.createOrUpdate(...at, name, { outputs: [{ preset }] });
  for (const number of [0, 1, 2]) {
    const made = await client.jobs.create(...at, name, `${name}-${number}`, {
      input: { odataType: "#Microsoft.Media.JobInputHttp", files: [url] },
      outputs: [{ odataType: "#Microsoft.Media.JobOutputAsset", assetName: name }],
    });
    assert.deepStrictEqual([made.state, made.systemData.createdByType], ["Queued", "Application"]);
  }
  assert.strictEqual((await client.jobs.get(...at, name, `${name}-1`)).outputs[0].assetName, name);
  assert.deepStrictEqual(await names(client.jobs.list(...at, name)), [2, 1, 0].map((number) => `${name}-${number}`));
  await client.jobs.cancelJob(...at, name, `${name}-0`);
  const filter = "properties/state eq Microsoft.Media.JobState'Canceled'";
  assert.deepStrictEqual(await names(client.jobs.list(...at, name, { filter })), [`${name}-0`]);
  for (const number of [0, 1, 2]) {
    await client.jobs.cancelJob(...at, name, `${name}-${number}`);
    await client.jobs.delete(...at, name, `${name}-${number}`);
  }
  assert.deepStrictEqual(await names(client.jobs.list(...at, name)), []);
  console.log("done");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
