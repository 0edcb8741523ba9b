import t, { type Test } from 'tap'
import { startApp } from '../support/app.ts'
import { findSecrets } from '../support/log.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
const fields = 'id at event userId actorId tokenId address userAgent requestId count times detail'
const own = `query ($first: Int = 100, $after: String) { viewer { id auditEvents(first: $first, after: $after) { nodes { ${fields} } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`
const all = `query ($filter: AuditEventFilter, $first: Int = 100, $after: String) { auditEvents(filter: $filter, first: $first, after: $after) { nodes { ${fields} } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`
const signInWith =
  'mutation ($u: String!, $p: String!, $device: DeviceInput) { tokenAuth(username: $u, password: $p, device: $device) { token tokenInfo { id } } }'

interface Node {
  id: string
  event: string
  [field: string]: unknown
}

/** An app with a user and an administrator, both signed in, and what was recorded so far forgotten. */
async function start(t: Test, options: Parameters<typeof startApp>[1] = {}) {
  const server = await startApp(t, { tokenCache: 'off', ...options })
  const ada = await server.createUser()
  const root = await server.createUser({ role: 'ADMIN' })
  const token = await server.signIn(ada)
  const admin = await server.signIn(root)
  const { audit } = server.app.latchkey.auth
  async function list(filter: object | null = null, variables: object = {}, as = admin) {
    await audit.flush()
    const { body } = await server.graphql(all, { filter, ...variables }, { token: as })
    if (body.errors) throw new Error(JSON.stringify(body.errors))
    return body.data.auditEvents as { nodes: Node[]; edges: { cursor: string }[]; pageInfo: Page }
  }
  const names = async (filter: object | null = null, as = admin): Promise<string[]> =>
    (await list(filter, {}, as)).nodes.map(({ event }) => event).reverse()
  return { ...server, ada, root, token, admin, audit, list, names }
}

interface Page {
  hasNextPage: boolean
  hasPreviousPage: boolean
  startCursor: string | null
  endCursor: string | null
}

t.test('sign-ins that succeed, fail and are throttled are recorded with where they came from', async (t) => {
  const { ada, graphql, list, clock } = await start(t)
  clock.now += minuteMs
  const since = new Date(clock.now).toISOString()
  const headers = { 'user-agent': 'a browser\u00e9' }
  await graphql(signInWith, { u: ada.username, p: 'wrong password 1' }, { address: '192.0.2.7', headers })
  const { body } = await graphql(
    signInWith,
    { u: ada.username, p: ada.password },
    { address: '192.0.2.7', headers },
  )
  const { nodes } = await list({ since })
  t.match(nodes, [
    {
      event: 'authn_login_successafterfail',
      at: since,
      userId: ada.id,
      tokenId: body.data.tokenAuth.tokenInfo.id,
      address: '192.0.2.7',
      userAgent: 'a browser?',
      requestId: /./,
      times: 1,
      actorId: null,
    },
    { event: 'authn_login_fail', userId: ada.id, tokenId: null, address: '192.0.2.7', count: 1, times: 1 },
  ])
  for (let attempt = 0; attempt < 12; attempt++)
    await graphql(signInWith, { u: `nobody${attempt}`, p: 'wrong password 2' }, { address: '192.0.2.8' })
  clock.now += minuteMs
  const throttled = await list({ address: '192.0.2.8' })
  t.strictSame(
    throttled.nodes.map(({ event, times }) => `${event} ${times}`),
    ['authn_login_fail_max 1', 'authn_login_fail 9', 'authn_login_fail_max 1', 'authn_login_fail 1'],
    'what repeats within a minute is counted in one record',
  )
  t.equal(
    throttled.nodes.reduce((sum, { times }) => sum + (times as number), 0),
    12,
  )
})

t.test('what becomes of tokens and passwords is recorded', async (t) => {
  const { ada, clock, graphql, list, names, signIn } = await start(t, { tokenLimit: 2 })
  clock.now += minuteMs
  const since = new Date(clock.now).toISOString()
  const device = { id: 'phone' }
  await signIn(ada, device)
  clock.now += 1
  const token = await signIn(ada, device)
  clock.now += 1
  const last = await signIn(ada)
  clock.now += 1
  await graphql('mutation { revokeOtherTokens { count } }', null, { token: last })
  await graphql(
    'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }',
    { c: ada.password, n: 'quite another long phrase' },
    { token: last },
  )
  await graphql('{ viewer { id } }', null, { token })
  t.strictSame(await names({ since, userId: ada.id }), [
    'authn_login_success',
    'authn_token_revoked',
    'authn_login_success',
    'authn_token_revoked',
    'authn_login_success',
    'authn_token_revoked',
    'authn_password_change',
  ])
  const ids = (await list({ since, events: ['authn_token_revoked'] })).nodes.map(({ tokenId }) => tokenId)
  t.equal(new Set(ids).size, 3, 'replaced, evicted and revoked ones, each by its id')
})

t.test(
  'the first use of a token that has expired is recorded, and the weeks that renewals reach',
  async (t) => {
    const { clock, graphql, names, token, ada, root, signIn } = await start(t, {
      tokenRenew: true,
      tokenTtl: '7d',
      tokenMaxTtl: '30d',
    })
    const ask = () => graphql('{ viewer { id } }', null, { token, address: '192.0.2.9' })
    const filter = { userId: ada.id, events: ['authn_token_renewed', 'authn_token_expired'] }
    for (let day = 0; day < 14; day++) {
      t.equal((await ask()).status, 200)
      clock.now += dayMs
    }
    t.strictSame(await names(filter, await signIn(root)), ['authn_token_renewed', 'authn_token_renewed'])
    clock.now += 7 * dayMs
    for (let count = 0; count < 2; count++) t.equal((await ask()).status, 401)
    t.strictSame((await names(filter, await signIn(root))).at(-1), 'authn_token_expired')
  },
)

t.test('users see their own events, page by page, and nobody else’s', async (t) => {
  const { ada, root, admin, audit, clock, graphql, token } = await start(t)
  for (let count = 0; count < 5; count++) {
    clock.now += 1_000
    await graphql(
      'mutation ($e: String) { updateViewer(email: $e) { user { id } } }',
      { e: `a${count}@example.org` },
      { token },
    )
  }
  await audit.flush()
  const ask = async (variables: object, as = token) =>
    (await graphql(own, variables, { token: as })).body.data.viewer.auditEvents
  const whole = await ask({})
  t.equal(whole.nodes.length, 7, 'created, signed in, and five changes')
  t.ok(whole.nodes.every(({ userId }: Node) => userId === ada.id))
  t.strictSame(
    whole.nodes.map(({ id }: Node) => id),
    whole.nodes
      .map(({ id }: Node) => id)
      .toSorted()
      .reverse(),
    'newest first',
  )
  const seen: string[] = []
  let after: string | null = null
  for (const hasNextPage of [true, true, true, false]) {
    const page: { nodes: Node[]; pageInfo: Page } = await ask({ first: 2, after })
    t.match(page.pageInfo, { hasNextPage, hasPreviousPage: after !== null })
    seen.push(...page.nodes.map(({ id }) => id))
    after = page.pageInfo.endCursor
  }
  t.strictSame(
    seen,
    whole.nodes.map(({ id }: Node) => id),
  )
  t.ok((await ask({}, admin)).nodes.every(({ userId }: Node) => userId === root.id))
  for (const [variables, field, reason] of [
    [{ first: 0 }, 'first', 'RANGE'],
    [{ first: 101 }, 'first', 'RANGE'],
    [{ after: 'x' }, 'after', 'CURSOR'],
  ]) {
    t.match((await graphql(own, variables as object, { token })).body.errors, [
      { extensions: { code: 'BAD_USER_INPUT', field, reason } },
    ])
  }
})

t.test(
  'administrators look for events by user, name, time and address, and by several of them',
  async (t) => {
    const { ada, root, clock, graphql, list, token } = await start(t)
    const begin = clock.now
    for (let count = 0; count < 4; count++) {
      clock.now += minuteMs
      const address = `192.0.2.${count % 2}`
      await graphql(signInWith, { u: ada.username, p: ada.password }, { address })
      await graphql(signInWith, { u: ada.username, p: 'a wrong password' }, { address })
      await graphql(signInWith, { u: root.username, p: root.password }, { address })
    }
    const at = (minutes: number) => new Date(begin + minutes * minuteMs).toISOString()
    const success = ['authn_login_success', 'authn_login_successafterfail']
    const cases: [object, number][] = [
      [{}, 16],
      [{ userId: ada.id }, 10],
      [{ userId: ada.id.toUpperCase(), events: success }, 5],
      [{ userId: ada.id, events: success, address: '192.0.2.1' }, 2],
      [{ userId: ada.id, address: '192.0.2.1' }, 4],
      [{ address: '192.0.2.1' }, 6],
      [{ address: '192.0.2.1', events: ['authn_login_fail'] }, 2],
      [{ events: success }, 10],
      [{ events: ['authn_login_fail'] }, 4],
      [{ events: ['authn_login_fail', 'authn_login_fail'] }, 4],
      [{ events: ['sys_audit_lost'] }, 0],
      [{ since: at(1) }, 12],
      [{ since: at(2), until: at(4) }, 6],
      [{ until: at(1), userId: null, events: null, address: null }, 4],
      [{ since: at(2), until: at(2) }, 0],
      [{ userId: ada.id, since: at(4), events: ['authn_login_fail'] }, 1],
    ]
    for (const [filter, count] of cases) {
      const { nodes } = await list(filter)
      t.equal(nodes.length, count, JSON.stringify(filter))
      const paged: string[] = []
      for (let after: string | null = null; ; ) {
        const page = await list(filter, { first: 3, after })
        paged.push(...page.nodes.map(({ id }) => id))
        after = page.pageInfo.endCursor
        if (!page.pageInfo.hasNextPage) break
      }
      t.strictSame(
        paged,
        nodes.map(({ id }) => id),
        'page by page',
      )
    }
    for (const [filter, field] of [
      [{ userId: 'x' }, 'filter.userId'],
      [{ events: [] }, 'filter.events'],
      [{ events: ['authn_login_fail', 'nothing'] }, 'filter.events'],
      [{ events: Array.from({ length: 21 }, (_, index) => `e${index}`) }, 'filter.events'],
    ]) {
      await t.rejects(list(filter as object), new RegExp(`"BAD_USER_INPUT".*"field":"${field}"`))
    }
    t.match(await graphql(all, null, { token }), { status: 403 })
    t.match(await graphql(all, null), { status: 401 })
  },
)

t.test('what is beyond the rights of somebody is recorded once a minute', async (t) => {
  const { ada, clock, graphql, list, token } = await start(t)
  for (let count = 0; count < 5; count++) await graphql(all, null, { token, address: '192.0.2.5' })
  clock.now += minuteMs
  t.match((await list({ events: ['authz_fail'] })).nodes, [
    { userId: ada.id, address: '192.0.2.5', detail: 'ROLE', tokenId: /./, times: 1 },
  ])
})

t.test('records are deleted once they are older than the retention', async (t) => {
  const { app, clock, list, ada, signIn } = await start(t, {
    auditRetention: '90d',
    tokenIdleTtl: 'off',
    tokenTtl: '200d',
  })
  const { length } = (await list()).nodes
  t.equal(length, 4)
  clock.now += 90 * dayMs
  t.equal((await app.latchkey.auth.prune()).auditEvents, 0)
  clock.now += 1
  await signIn(ada)
  await list()
  t.equal((await app.latchkey.auth.prune()).auditEvents, 4)
  t.equal((await list()).nodes.length, 1)
})

t.test('with AUDIT_RETENTION=off nothing is recorded, and what is there is deleted', async (t) => {
  const { list } = await start(t, { auditRetention: 'off' })
  t.strictSame((await list()).nodes, [])
})

t.test('no record holds a secret', async (t) => {
  const { ada, graphql, list, token, audit } = await start(t)
  await graphql(signInWith, { u: 'my password 12345', p: ada.password })
  await graphql(signInWith, { u: ada.username, p: 'my password 12345' })
  await graphql('{ viewer { id } }', null, { token: `${token}x` })
  await audit.finish()
  const { nodes } = await list()
  t.ok(nodes.length > 4)
  const text = JSON.stringify(nodes)
  t.strictSame(findSecrets([text]), [])
  t.notMatch(text, 'my password')
  t.notMatch(text, token.slice(3, 40))
})

t.test('of a deleted account the audit keeps what happened, and not from where', async (t) => {
  const { ada, token, audit, graphql, list, clock, app } = await start(t)
  await audit.flush()
  clock.now += minuteMs
  const device = { 'user-agent': 'a telling browser' }
  const place = { address: '192.0.2.8', headers: device }
  await graphql(signInWith, { u: ada.username, p: ada.password }, place) // not written yet when the account goes
  t.match((await graphql('mutation { deleteViewer { deleted } }', null, { token, ...place })).body, {
    data: { deleteViewer: { deleted: true } },
  })
  const { nodes } = await list({ userId: ada.id })
  t.ok(nodes.some(({ event }) => event === 'user_deleted'))
  t.ok(nodes.some(({ event, tokenId }) => event === 'authn_login_success' && tokenId !== null))
  for (const node of nodes) t.match(node, { userId: ada.id, address: null, userAgent: null }, node.event)
  t.ok((await list({ events: ['authn_login_success'] })).nodes.some(({ address }) => address !== null))
  const eve = await app.latchkey.auth.createUser({ username: 'eve', password: null })
  const admin = { address: '192.0.2.9', actorId: ada.id }
  app.latchkey.auth.report({ event: 'user_role_changed', userId: eve.id, ...admin })
  await audit.flush()
  await app.latchkey.auth.deleteUser(eve.id)
  t.match((await list({ userId: eve.id, events: ['user_role_changed'] })).nodes, [
    { address: '192.0.2.9', actorId: ada.id },
  ])
})
