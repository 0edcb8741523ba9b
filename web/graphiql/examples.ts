/** What GraphiQL's first tab is opened with: signing in. */
export const signInExample = {
  query: `# 1. Sign in: write your username and password
#    into Variables below and press ▶ (Ctrl-Enter).
#    The token is shown only now. Copy it, and go on
#    in the next tab, "Viewer".
mutation SignIn(
  $username: String!
  $password: String!
  $device: DeviceInput
) {
  tokenAuth(
    username: $username
    password: $password
    device: $device
  ) {
    token
    tokenInfo {
      id
      expiresAt
    }
    user {
      username
    }
  }
}
`,
  variables: `{
  "username": "",
  "password": "",
  "device": { "name": "GraphiQL", "platform": "web" }
}
`,
  headers: '',
}

/** Where the token goes, with a placeholder for it; every new tab's Headers pane shows it too. */
export const headersExample = `{ "Authorization": "Token <token>" }
`

/** What GraphiQL's second tab is opened with: asking with the token. */
export const viewerExample = {
  query: `# 2. Ask as yourself: put the token in place of
#    <token> in Headers below and press ▶.
#    To end it afterwards, write and run here:
#    mutation SignOut { revokeToken { revoked } }
query Viewer {
  viewer {
    username
    tokens {
      nodes {
        id
        name
        current
      }
    }
  }
}
`,
  headers: headersExample,
}
