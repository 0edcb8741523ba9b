import { performance } from 'node:perf_hooks'
import { hash, verify } from '@node-rs/argon2'
import { answerRunner } from './announce.ts'

/** What came of verifying for a while. */
export interface Verifications {
  answered: number
  perSecond: number
}

/** Verifies one password over and over, so many at once as it is told, for as many milliseconds. */
const [concurrency, durationMs] = process.argv.slice(2).map(Number) as [number, number]
const password = 'correct horse battery staple'
const digest = await hash(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })

answerRunner({ verify: verifyForAWhile }, async () => {})
process.send?.({ port: 0 })

async function verifyForAWhile(): Promise<Verifications> {
  const start = performance.now()
  const end = start + durationMs
  let answered = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        if (!(await verify(digest, password))) throw new Error('The right password was refused.')
        answered++
      }
    }),
  )
  return { answered, perSecond: (answered / (performance.now() - start)) * 1000 }
}
