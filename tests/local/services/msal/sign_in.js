// Signs a person in by MSAL for JavaScript. Prints the address for the browser, reads the code from standard input, and
// prints what MSAL makes of the tokens.
const { CryptoProvider, PublicClientApplication } = require("@azure/msal-node");

async function main() {
  const { AUTHORITY, CLIENT_ID, REDIRECT, SCOPE } = process.env;
  const auth = { clientId: CLIENT_ID, authority: AUTHORITY, knownAuthorities: [new URL(AUTHORITY).host] };
  const client = new PublicClientApplication({ auth });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const asked = { scopes: [SCOPE], redirectUri: REDIRECT };
  const pkce = { codeChallenge: challenge, codeChallengeMethod: "S256" };
  console.log(await client.getAuthCodeUrl({ ...asked, ...pkce, responseMode: "fragment" }));
  const code = require("fs").readFileSync(0, "utf8").trim();
  const result = await client.acquireTokenByCode({ ...asked, code, codeVerifier: verifier });
  const { accessToken, account, scopes } = result;
  console.log(JSON.stringify({ accessToken, name: account.name, username: account.username, scopes }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
