import t, { type Test } from 'tap'
import { startApp } from '../support/app.ts'

const page = `query ($first: Int, $after: String) {
  viewer {
    tokens(first: $first, after: $after) {
      totalCount
      nodes { name }
      edges { cursor node { id name } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}`
const revoke = 'mutation ($id: ID) { revokeToken(id: $id) { revoked } }'
const rename =
  'mutation ($id: ID!, $n: String!) { renameToken(id: $id, name: $n) { tokenInfo { id name device { name } } } }'
const uuid = '019ab000-0000-7000-8000-000000000000'

/** An app with two users; the first has a token for each name. */
async function startWithTokens(t: Test, ...names: string[]) {
  const server = await startApp(t)
  const [ada, bob] = [await server.createUser(), await server.createUser()]
  const tokens: string[] = []
  for (const name of names) {
    server.clock.now += 1_000
    tokens.push(await server.signIn(ada, { name }))
  }
  const bobs = await server.signIn(bob, { name: "bob's" })
  const [first = ''] = tokens
  async function list(variables: object = {}, token = first) {
    const { body } = await server.graphql(page, { first: 20, ...variables }, { token })
    return body.data.viewer.tokens
  }
  async function idOf(name: string, token = first): Promise<string> {
    const found = (await list({}, token)).edges.find(
      (edge: { node: { name: string } }) => edge.node.name === name,
    )
    return found.node.id
  }
  const isLive = async (token: string): Promise<boolean> =>
    (await server.graphql('{ viewer { id } }', null, { token })).status === 200
  return { ...server, ada, bob, tokens, bobs, list, idOf, isLive }
}

t.test('the list shows live tokens, newest first, page by page', async (t) => {
  const { list } = await startWithTokens(t, 'a', 'b', 'c', 'd', 'e')
  const names = (found: { nodes: { name: string }[] }): string => found.nodes.map(({ name }) => name).join('')
  const all = await list()
  t.equal(names(all), 'edcba')
  t.equal(all.totalCount, 5)
  t.match(all.pageInfo, {
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: all.edges[0].cursor,
    endCursor: all.edges[4].cursor,
  })
  t.strictSame(all.edges.map((edge: { node: { name: string } }) => edge.node.name).join(''), 'edcba')

  const first = await list({ first: 2 })
  t.match(
    [names(first), first.totalCount, first.pageInfo],
    ['ed', 5, { hasNextPage: true, hasPreviousPage: false }],
  )
  const second = await list({ first: 2, after: first.pageInfo.endCursor })
  t.match(
    [names(second), second.totalCount, second.pageInfo],
    ['cb', 5, { hasNextPage: true, hasPreviousPage: true }],
  )
  const third = await list({ first: 2, after: second.pageInfo.endCursor })
  t.match([names(third), third.pageInfo], ['a', { hasNextPage: false, hasPreviousPage: true }])
  const end = await list({ first: 2, after: third.pageInfo.endCursor })
  t.strictSame([end.nodes, end.edges, end.totalCount], [[], [], 5])
  t.strictSame(end.pageInfo, {
    hasNextPage: false,
    hasPreviousPage: true,
    startCursor: null,
    endCursor: null,
  })
  t.equal((await list({ first: 5 })).pageInfo.hasNextPage, false, 'exactly all')
  t.equal((await list({ first: 4 })).pageInfo.hasNextPage, true)
  t.equal(
    names(await list({ first: 100, after: all.edges[2].cursor.toUpperCase() })),
    'ba',
    'letter case of a cursor',
  )
})

t.test('a page goes on where it stood, though tokens came and went', async (t) => {
  const { ada, graphql, idOf, list, signIn, tokens } = await startWithTokens(t, 'a', 'b', 'c', 'd')
  const first = await list({ first: 2 })
  await graphql(revoke, { id: await idOf('c') }, { token: tokens[0] as string })
  await signIn(ada, { name: 'new' })
  const second = await list({ first: 2, after: first.pageInfo.endCursor })
  t.strictSame(second.nodes, [{ name: 'b' }, { name: 'a' }])
})

t.test('the list never shows ended tokens, nor anybody else’s', async (t) => {
  const { ada, bobs, clock, graphql, list, signIn, tokens } = await startWithTokens(t, 'a', 'b')
  const short = `mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p, device: { name: "short" }, expiresIn: "10s") { token } }`
  await graphql(short, { u: ada.username, p: ada.password })
  t.equal((await list()).totalCount, 3)
  clock.now += 9_999
  t.equal((await list()).totalCount, 3)
  clock.now += 1
  t.strictSame((await list()).nodes, [{ name: 'b' }, { name: 'a' }], 'one has expired')
  await graphql(revoke, null, { token: tokens[1] as string })
  const left = await list()
  t.strictSame([left.nodes, left.totalCount], [[{ name: 'a' }], 1], 'one was revoked')
  t.strictSame((await list({}, bobs)).nodes, [{ name: "bob's" }])

  const idle = 14 * 86_400_000
  clock.now += idle - 5_000
  const last = await signIn(ada, { name: 'last' })
  clock.now += 5_000
  t.strictSame((await list({}, last)).nodes, [{ name: 'last' }], 'one has gone idle')
})

t.test('revokeToken ends the token of the request, at once', async (t) => {
  const { graphql, isLive, list, tokens } = await startWithTokens(t, 'a', 'b')
  const [a = '', b = ''] = tokens
  t.strictSame((await graphql(revoke, null, { token: b })).body, { data: { revokeToken: { revoked: true } } })
  t.match(await graphql('{ viewer { id } }', null, { token: b }), {
    status: 401,
    body: { errors: [{ message: 'Token has been revoked.', extensions: { reason: 'REVOKED' } }] },
  })
  t.ok(await isLive(a))
  t.equal((await list()).totalCount, 1)
  t.match(await graphql(revoke, null, { token: b }), { status: 401 }, 'with it nothing more is done')
})

t.test('revokeToken ends another device’s token by its id, and twice is no error', async (t) => {
  const { graphql, idOf, isLive, tokens } = await startWithTokens(t, 'a', 'b', 'c')
  const [a = '', b = '', c = ''] = tokens
  const id = await idOf('b')
  for (const form of [id, id, id.toUpperCase()]) {
    t.strictSame((await graphql(revoke, { id: form }, { token: a })).body, {
      data: { revokeToken: { revoked: true } },
    })
  }
  t.strictSame([await isLive(a), await isLive(b), await isLive(c)], [true, false, true])
  t.strictSame((await graphql(revoke, { id: null }, { token: c })).body, {
    data: { revokeToken: { revoked: true } },
  })
  t.notOk(await isLive(c), 'null is no id')
})

t.test('an unknown id and another user’s get the answer of an ended one, and nothing ends', async (t) => {
  const { bobs, graphql, idOf, isLive, tokens } = await startWithTokens(t, 'a')
  const [a = ''] = tokens
  const foreign = await idOf("bob's", bobs)
  for (const id of [foreign, uuid]) {
    t.strictSame((await graphql(revoke, { id }, { token: a })).body, {
      data: { revokeToken: { revoked: true } },
    })
  }
  t.strictSame([await isLive(a), await isLive(bobs)], [true, true])
  for (const id of ['', 'x', '1', `${uuid}0`, `{${uuid}}`, uuid.replaceAll('-', ''), a]) {
    t.match(
      (await graphql(revoke, { id }, { token: a })).body,
      {
        data: { revokeToken: null },
        errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'id', reason: 'ID' } }],
      },
      'an id that no token can have',
    )
  }
})

t.test('revokeOtherTokens ends all but the one of the request, revokeAllTokens that one too', async (t) => {
  const { bobs, graphql, isLive, tokens } = await startWithTokens(t, 'a', 'b', 'c')
  const [a = '', b = '', c = ''] = tokens
  const others = 'mutation { revokeOtherTokens { count } }'
  t.strictSame((await graphql(others, null, { token: b })).body, {
    data: { revokeOtherTokens: { count: 2 } },
  })
  t.strictSame(
    [await isLive(a), await isLive(b), await isLive(c), await isLive(bobs)],
    [false, true, false, true],
  )
  t.strictSame((await graphql(others, null, { token: b })).body, {
    data: { revokeOtherTokens: { count: 0 } },
  })

  const all = 'mutation { revokeAllTokens { count } }'
  t.strictSame((await graphql(all, null, { token: b })).body, { data: { revokeAllTokens: { count: 1 } } })
  t.strictSame([await isLive(b), await isLive(bobs)], [false, true])
})

t.test('the count of ended tokens leaves out those that were over', async (t) => {
  const { ada, clock, graphql, signIn } = await startWithTokens(t)
  await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p, expiresIn: "1s") { token } }',
    { u: ada.username, p: ada.password },
  )
  const [one, two] = [await signIn(ada), await signIn(ada)]
  await graphql(revoke, null, { token: one })
  clock.now += 1_000
  const { body } = await graphql('mutation { revokeAllTokens { count } }', null, { token: two })
  t.equal(body.data.revokeAllTokens.count, 1)
})

t.test('renameToken renames one’s own live token, whatever the device is called', async (t) => {
  const { graphql, idOf, list, tokens } = await startWithTokens(t, 'a', 'b')
  const [a = ''] = tokens
  const id = await idOf('b')
  const { body } = await graphql(rename, { id: id.toUpperCase(), n: '  Büro 🦊 ' }, { token: a })
  t.strictSame(body.data.renameToken.tokenInfo, { id, name: 'Büro 🦊', device: { name: 'b' } })
  t.strictSame((await list()).nodes, [{ name: 'Büro 🦊' }, { name: 'a' }])
  t.equal((await graphql(rename, { id, n: 'x'.repeat(100) }, { token: a })).status, 200)
  for (const [n, reason] of [
    ['', 'LENGTH'],
    [' ', 'LENGTH'],
    ['x'.repeat(101), 'LENGTH'],
    ['a\nb', 'CHARACTERS'],
    ['a\u202eb', 'CHARACTERS'],
    ['\ud800', 'CHARACTERS'],
  ]) {
    t.match(
      (await graphql(rename, { id, n }, { token: a })).body,
      { errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'name', reason } }] },
      JSON.stringify(n).slice(0, 20),
    )
  }
})

t.test('renaming another user’s, an ended or an unknown token gets one answer', async (t) => {
  const { bobs, graphql, idOf, list, tokens } = await startWithTokens(t, 'a', 'b')
  const [a = '', b = ''] = tokens
  const [foreign, ended] = [await idOf("bob's", bobs), await idOf('b')]
  await graphql(revoke, null, { token: b })
  const answers: string[] = []
  for (const id of [foreign, ended, uuid]) {
    const { status, body } = await graphql(rename, { id, n: 'mine' }, { token: a })
    answers.push(JSON.stringify({ status, body }))
  }
  t.equal(new Set(answers).size, 1)
  t.match(JSON.parse(answers[0] ?? ''), {
    status: 200,
    body: { data: { renameToken: null }, errors: [{ extensions: { code: 'NOT_FOUND' } }] },
  })
  t.strictSame((await list({}, bobs)).nodes, [{ name: "bob's" }])
})

t.test('last use is shown from the first request on, and never moves back', async (t) => {
  const { app, clock, graphql, tokens } = await startWithTokens(t, 'a')
  const [a = ''] = tokens
  const query = '{ viewer { tokens { nodes { lastUsedAt lastUsedAddress } } } }'
  const ask = async (address: string) =>
    (await graphql(query, null, { token: a, address })).body.data.viewer.tokens.nodes
  t.strictSame(await ask('192.0.2.1'), [
    { lastUsedAt: '2026-11-23T09:00:01.000Z', lastUsedAddress: '192.0.2.1' },
  ])
  await app.latchkey.auth.flush()
  clock.now += 60_000
  t.strictSame(await ask('2001:db8::1'), [
    { lastUsedAt: '2026-11-23T09:01:01.000Z', lastUsedAddress: '2001:db8::1' },
  ])
})
