/** What GraphiQL's first tab is opened with: who is signed in, and where. */
export const viewerExample = {
  query: `# Sign in with the panel on the left,
# then press ▶ (Ctrl-Enter): who you are,
# and where you are signed in.
query Viewer {
  viewer {
    username
    tokens(first: 10) {
      nodes {
        id
        name
        lastUsedAt
        current
      }
    }
  }
}
`,
}

/** A tab with the sign-in that a client does itself, for those who build one. */
export const signInExample = {
  query: `# What a client does to sign in: write
# username and password into Variables.
# The token is shown in this answer alone.
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
  "device": { "name": "Trying it out", "platform": "web" }
}
`,
}

/** A tab with the end of all other sign-ins. */
export const signOutExample = {
  query: `# Ends every token of yours but the one
# that this page uses.
mutation SignOutOthers {
  revokeOtherTokens {
    count
  }
}
`,
}

/** A tab with a token for a script. */
export const personalTokenExample = {
  query: `# A token for a script, which may do no more
# than its scopes. It is shown here alone.
mutation PersonalToken {
  createToken(
    name: "Nightly backup"
    scopes: [TOKENS]
    expiresIn: "90d"
  ) {
    token
    tokenInfo {
      name
      scopes
      expiresAt
    }
  }
}
`,
}

/** Where a token goes that is not the panel's, with a placeholder for it; every new tab's Headers pane shows it. */
export const headersExample = `{ "Authorization": "Token <token>" }
`
