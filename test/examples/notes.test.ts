import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { type Answer, password } from '../support/app.ts'
import { collectLog, noteSecrets, secret } from '../support/log.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

secret(password)

t.test('the application in examples/notes keeps the notes of its users apart', async (t) => {
  const file = join(t.testdir(), 'data', 'notes.db')
  const { url, server, faults } = await startExample(t, file)
  const query = (text: string, token?: string, variables?: object) => post(url, text, token, variables)

  const ada = await signUpAndIn(url, 'ada')
  const bob = await signUpAndIn(url, 'bob')
  const add = 'mutation ($text: String!) { addNote(text: $text) { text author { username } } }'
  t.same((await query(add, ada, { text: 'Buy milk' })).body, {
    data: { addNote: { text: 'Buy milk', author: { username: 'ada' } } },
  })
  await query(add, ada, { text: 'Call Bob' })
  await query(add, bob, { text: 'Call Ada' })
  const refused = await query(add, bob, { text: '  ' })
  t.match(refused.body.errors, [{ extensions: { code: 'BAD_USER_INPUT', field: 'text' } }])

  const mine = '{ notes { text author { username } } viewer { username notes { text } } noteCount }'
  t.same((await query(mine, ada)).body.data, {
    notes: [
      { text: 'Buy milk', author: { username: 'ada' } },
      { text: 'Call Bob', author: { username: 'ada' } },
    ],
    viewer: { username: 'ada', notes: [{ text: 'Buy milk' }, { text: 'Call Bob' }] },
    noteCount: 3,
  })
  t.same((await query('{ notes { text } }', bob)).body, { data: { notes: [{ text: 'Call Ada' }] } })

  t.same((await query('{ noteCount }')).body, { data: { noteCount: 3 } })
  for (const text of [
    '{ notes { text } }',
    '{ allNotes { text } }',
    'mutation { addNote(text: "x") { id } }',
  ]) {
    t.match(await query(text), {
      status: 401,
      body: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }] },
    })
  }
  t.match(
    await query(
      'mutation ($p: String!) { tokenAuth(username: "ada", password: $p) { user { notes { text } } } }',
      undefined,
      { p: password },
    ),
    {
      body: {
        data: { tokenAuth: { user: { notes: [{ text: null }, { text: null }] } } },
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }, { extensions: { code: 'UNAUTHENTICATED' } }],
      },
    },
    'a note is guarded where a field that is public leads to it',
  )
  t.match(await query('{ allNotes { text } }', ada), {
    status: 403,
    body: { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'ROLE' } }] },
  })

  createAdministrator(t, file)
  const admin = await signIn(url, 'root')
  t.same((await query('{ allNotes { text author { username } } }', admin)).body, {
    data: {
      allNotes: [
        { text: 'Buy milk', author: { username: 'ada' } },
        { text: 'Call Bob', author: { username: 'ada' } },
        { text: 'Call Ada', author: { username: 'bob' } },
      ],
    },
  })

  const route = new URL('/notes.txt', url)
  const own = await fetch(route, { headers: { authorization: `Token ${bob}` } })
  t.equal(await own.text(), 'Call Ada\n')
  t.equal((await fetch(route)).status, 401)

  await query('mutation { revokeToken { revoked } }', bob)
  t.match((await query('{ notes { text } }', bob)).body.errors, [{ extensions: { reason: 'REVOKED' } }])
  t.equal((await fetch(route, { headers: { authorization: `Token ${bob}` } })).status, 401)

  server.kill('SIGTERM')
  t.same(await once(server, 'close'), [0, null])
  t.same(faults, [], 'nothing failed, up to the last write')

  const again = await startExample(t, file)
  t.same((await post(again.url, '{ notes { text } }', ada)).body, {
    data: { notes: [{ text: 'Buy milk' }, { text: 'Call Bob' }] },
  })
})

/** Runs the example on any free port; `faults` collects what it logs as an error. */
async function startExample(
  t: Test,
  file: string,
): Promise<{ url: string; server: ChildProcess; faults: object[] }> {
  const server = spawn(process.execPath, ['examples/notes/server.ts'], {
    cwd: root,
    env: { ...process.env, PORT: '0', DATABASE_FILE: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => server.kill())
  const log = collectLog()
  const faults: object[] = []
  const url = await new Promise<string>((resolve, reject) => {
    server.once('close', () => reject(new Error('The example ended.')))
    createInterface({ input: server.stdout }).on('line', (line) => {
      log.write(line)
      const entry = JSON.parse(line)
      if (entry.level >= 50) faults.push(entry)
      const address = /listening at (http:\S+)/.exec(entry.msg)?.[1]
      if (address !== undefined) resolve(`${address}/graphql`)
    })
  })
  return { url, server, faults }
}

async function post(url: string, query: string, token?: string, variables?: object): Promise<Answer> {
  noteSecrets({ query, variables })
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json',
      ...(token === undefined ? {} : { authorization: `Token ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.json(),
  }
}

async function signUpAndIn(url: string, username: string): Promise<string> {
  const variables = { username, password }
  const signUp =
    'mutation ($username: String!, $password: String!) { signUp(username: $username, password: $password) { id } }'
  await post(url, signUp, undefined, variables)
  return signIn(url, username)
}

async function signIn(url: string, username: string): Promise<string> {
  const { body } = await post(
    url,
    'mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password) { token } }',
    undefined,
    { username, password },
  )
  return body.data.tokenAuth.token
}

function createAdministrator(t: Test, file: string): void {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['bin/latchkey.js', 'user', 'create', 'root', '--admin', '--password-stdin'],
    { cwd: root, env: { ...process.env, DATABASE_URL: `sqlite:${file}` }, input: password, encoding: 'utf8' },
  )
  t.match({ status, stderr }, { status: 0 })
}
