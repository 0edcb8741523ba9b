import { spawn, spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { type Bench, bin, createBench, type Outcome, password, watch } from './command.ts'

const skip =
  spawnSync('script', ['--version']).status !== 0 && 'there is no script(1) here to make a terminal'

const [ctrlC, ctrlD] = ['\u0003', '\u0004']
const controls = [ctrlC, ctrlD]

t.test('a password is asked for twice, and nothing of it is shown', { skip }, async (t) => {
  const bench = createBench(t)
  const created = await atTerminal(t, bench, ['user', 'create', 'ada'], [password, password])
  t.match(created, { status: 0, stdout: /Password: \r\nAgain: \r\nCreated ada/ })
  t.notMatch(created.stdout, password)
  const changed = ['another long phrase', 'another long phrase']
  t.match(await atTerminal(t, bench, ['user', 'set-password', 'ada', '--password-stdin'], changed), {
    status: 0,
    stdout: /Password: \r\nAgain: \r\nada has a new password; 0 tokens ended\./,
  })
  t.match(await atTerminal(t, bench, ['user', 'create', 'bob'], [`${password}\r${password}`]), {
    status: 0,
    stdout: /Created bob/,
  })
})

t.test('nothing is changed by two passwords that differ, nor by leaving', { skip }, async (t) => {
  const bench = createBench(t)
  const cases: [what: string, answers: string[], says: RegExp][] = [
    ['another one', [password, `${password}!`], /The two are not the same\. Nothing was changed\./],
    ['Ctrl-C', [ctrlC], /Cancelled\. Nothing was changed\./],
    ['Ctrl-C at the second', [password, ctrlC], /Cancelled\. Nothing was changed\./],
    ['Ctrl-D', [ctrlD], /Cancelled\. Nothing was changed\./],
  ]
  for (const [what, answers, says] of cases) {
    const outcome = await atTerminal(t, bench, ['user', 'create', 'ada'], answers)
    t.match(outcome, { status: 1, stdout: says }, what)
    t.notMatch(outcome.stdout, password)
  }
  t.strictSame(await bench.json(['user', 'list']), [])
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  const taken = await atTerminal(t, bench, ['user', 'create', 'ada'], [])
  t.match(
    taken,
    { status: 1, stdout: 'There is a user ada already.\r\n' },
    'told before the password is typed',
  )
})

t.test('what cannot be undone is confirmed', { skip }, async (t) => {
  const bench = createBench(t)
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  for (const answer of ['n', '', 'yesterday', ctrlC]) {
    const kept = await atTerminal(t, bench, ['user', 'delete', 'ada'], [answer])
    t.match(kept, {
      status: 1,
      stdout: /Delete ada \(id \S+, 0 tokens\) for good\? \[y\/N\].*Nothing was changed/s,
    })
  }
  t.match(await atTerminal(t, bench, ['user', 'delete', 'ada'], ['y']), {
    status: 0,
    stdout: /ada is deleted/,
  })
  t.match(await atTerminal(t, bench, ['migrate', 'down'], ['Yes']), {
    status: 0,
    stdout: /Take back (\S+)\? What is stored in its tables is lost\..*Took back \1/s,
  })
})

t.test('a token is asked for without echo', { skip }, async (t) => {
  const bench = createBench(t)
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  const { token, id } = await bench.json(['token', 'create', 'ada'])
  const seen = await atTerminal(t, bench, ['token', 'inspect'], [token])
  t.match(seen, { status: 0, stdout: /^Token: \r\nwell formed: yes/ })
  t.notMatch(seen.stdout, token)
  t.match(await atTerminal(t, bench, ['token', 'revoke', '--token-stdin'], [token]), {
    status: 0,
    stdout: `Token ${id} is revoked.`,
  })
})

t.test('long work shows how far it is', { skip }, async (t) => {
  const bench = createBench(t, { TOKEN_RETENTION: '0s' })
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  await bench.json(['token', 'create', 'ada'])
  await bench.json(['token', 'revoke', '--all', 'ada'])
  t.match(await atTerminal(t, bench, ['token', 'prune'], []), {
    status: 0,
    stdout: '\r\u001b[K1 token deleted so far\r\u001b[KDeleted 1 token',
  })
})

/** Runs a command in a terminal; each answer is typed once its question is there. Both outputs are one. */
async function atTerminal(t: Test, bench: Bench, args: string[], answers: string[]): Promise<Outcome> {
  const command = [process.execPath, bin, ...args].map((part) => `'${part}'`).join(' ')
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd: bench.folder,
    env: { ...process.env, ...bench.env, TERM: 'xterm' },
  })
  const running = watch(t, child)
  for (const [index, answer] of answers.entries()) {
    await running.said(index === 0 ? /Password: |Token: |\[y\/N\] / : /Again: /)
    child.stdin.write(controls.includes(answer) ? answer : `${answer}\r`)
  }
  return running.ended
}
