import { spawnSync } from 'node:child_process'
import { closeSync, constants, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { createLogOutput } from '../src/log-output.ts'

const ample = 600_000

t.test('lines arrive whole and in order', async (t) => {
  const file = join(t.testdir(), 'log')
  const output = createLogOutput(open(t, file, 'w'), t.fail)
  const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index} – ${'é'.repeat(50)}\n`)
  for (const line of lines) output.write(line)
  await output.flush(ample)
  t.equal(readFileSync(file, 'utf8'), lines.join(''))
})

t.test('where lines are written in batches, they still arrive whole and in order', async (t) => {
  const file = join(t.testdir(), 'log')
  const output = createLogOutput(open(t, file, 'w'), t.fail, Date.now, 100)
  const lines = Array.from({ length: 100 }, (_, index) => `line ${index} ${'é'.repeat(index)}\n`)
  for (const line of lines) output.write(line)
  await output.flush(ample)
  t.equal(readFileSync(file, 'utf8'), lines.join(''))
})

const skipFull = !existsSync('/dev/full') && 'there is no /dev/full here'

t.test('a disk that is full is complained of once a minute', { skip: skipFull }, async (t) => {
  const clock = { now: 0 }
  const said: string[] = []
  const output = createLogOutput(
    open(t, '/dev/full', 'w'),
    (sentence) => said.push(sentence),
    () => clock.now,
  )
  for (const [now, count] of [
    [1, 1],
    [60_000, 1],
    [60_001, 2],
  ] as const) {
    clock.now = now
    output.write('a line\n')
    await output.flush(ample)
    t.equal(said.length, count, `after ${now} ms`)
  }
  t.match(said[0], /^Log lines are lost: ENOSPC: no space left on device, write\.$/)
})

const pipe = spawnSync('mkfifo', ['--version'])
const skipPipe = pipe.status !== 0 && 'there is no mkfifo here'

t.test('a slow reader is waited for, and gets every line', { skip: skipPipe }, async (t) => {
  const { descriptor, read } = openPipe(t)
  const output = createLogOutput(descriptor, t.fail)
  const lines = Array.from({ length: 3_000 }, (_, index) => `line ${index} ${'x'.repeat(50)}\n`)
  for (const line of lines) output.write(line) // more than a pipe holds
  await output.flush(1) // gives up, as nothing is read
  let received = read()
  t.ok(received.length < lines.join('').length)
  const done = output.flush(ample)
  let isDone = false
  done.then(() => {
    isDone = true
  })
  while (!isDone) {
    received += read()
    await new Promise(setImmediate)
  }
  t.equal(received + read(), lines.join(''))
})

t.test('a pipe that is full is tried again until there is room', { skip: skipPipe }, async (t) => {
  const { descriptor, read } = openPipe(t)
  t.throws(() => {
    for (;;) writeSync(descriptor, Buffer.alloc(4096))
  }, /EAGAIN/)
  const output = createLogOutput(descriptor, t.fail)
  output.write('a line\n')
  await output.flush(1_000) // gives up, as nothing is read
  t.notMatch(read(), /a line/)
  await output.flush(ample)
  t.match(read(), /^a line\n$/)
})

t.test('lines of several processes do not mix in a pipe', { skip: skipPipe }, async (t) => {
  const file = join(t.testdir(), 'log')
  const script = fileURLToPath(new URL('support/write-log.ts', import.meta.url))
  const writer = `"${process.execPath}" "${script}" 10000 4096`
  const shell = `(${writer} & ${writer} & ${writer}; wait) | (sleep 2; cat > "${file}")`
  t.match(spawnSync('sh', ['-c', shell], { encoding: 'utf8' }), { status: 0, stderr: '' })
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  t.equal(lines.length, 30_000)
  t.equal(new Set(lines.map((line) => JSON.parse(line).pid)).size, 3)
})

t.test('without a reader, what waits is bounded', { skip: skipPipe }, async (t) => {
  const said: string[] = []
  const { descriptor, read } = openPipe(t)
  const output = createLogOutput(descriptor, (sentence) => said.push(sentence))
  const line = `${'x'.repeat(1_048_575)}\n`
  for (let count = 0; count < 20; count++) output.write(line)
  t.strictSame(said, ['Log lines are lost: nobody reads them fast enough.'])
  let received = ''
  let isDone = false
  output.flush(ample).then(() => {
    isDone = true
  })
  while (!isDone) {
    received += read()
    await new Promise(setImmediate)
  }
  t.equal((received + read()).length, 8 * line.length)
})

function open(t: Test, path: string, flags: string | number): number {
  const descriptor = openSync(path, flags)
  t.teardown(() => closeSync(descriptor))
  return descriptor
}

/** A pipe that refuses what does not fit, as standard output does, and what has come through it so far. */
function openPipe(t: Test): { descriptor: number; read: () => string } {
  const path = join(t.testdir(), 'pipe')
  spawnSync('mkfifo', [path])
  const descriptor = open(t, path, constants.O_RDWR | constants.O_NONBLOCK)
  const buffer = Buffer.alloc(1_048_576)
  return {
    descriptor,
    read() {
      try {
        return buffer.toString('utf8', 0, readSync(descriptor, buffer))
      } catch {
        return '' // nothing is there yet
      }
    },
  }
}
