import { existsSync, globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import t from 'tap'
import { createBench } from './command.ts'

const skip = !existsSync('/proc/self/task') && 'threads cannot be counted here'

t.test('passwords never hold all threads of the pool', { skip }, async (t) => {
  const rows: [env: Record<string, string>, threads: number][] = [
    [{}, Math.max(4, availableParallelism())],
    [{ PASSWORD_HASH_CONCURRENCY: '2' }, 4],
    [{ PASSWORD_HASH_CONCURRENCY: '6' }, 7],
    [{ PASSWORD_HASH_CONCURRENCY: '6', UV_THREADPOOL_SIZE: '5' }, 5],
  ]
  for (const [env, threads] of rows) {
    const { child, said } = createBench(t, { UV_THREADPOOL_SIZE: '', ...env }).start(['serve'])
    await said(/listens on/) // by then it has hashed the password that unknown users are checked against
    const names = globSync(`/proc/${child.pid}/task/*/comm`).map((file) => readFileSync(file, 'utf8').trim())
    t.equal(names.filter((name) => name === 'libuv-worker').length, threads, JSON.stringify(env))
    child.kill('SIGTERM')
  }
})
