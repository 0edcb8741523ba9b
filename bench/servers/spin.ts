import { answerRunner } from './announce.ts'

/** Another program that keeps one core busy. It looks up now and then whether it is still wanted. */
answerRunner({}, async () => {})
process.send?.({ port: 0 })
spin()

function spin(): void {
  const until = performance.now() + 50
  while (performance.now() < until);
  setImmediate(spin)
}
