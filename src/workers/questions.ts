/** How long a worker may take to answer; one that does not is left out. */
const answerLimitMs = 2_000

/** What the primary asks its workers. */
export type QuestionKind = 'metrics' | 'ready'

/** Questions to workers that are open. */
export interface Questions {
  /** Sends a question by `send` and resolves with the answer, or with null where none comes in time. */
  ask(send: (id: number) => void): Promise<unknown>
  receive(id: number, answer: unknown): void
}

export function createQuestions(limitMs: number = answerLimitMs): Questions {
  const open = new Map<number, (answer: unknown) => void>()
  let lastId = 0
  return {
    async ask(send) {
      const id = ++lastId
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const timer = setTimeout(resolve, limitMs, null)
      open.set(id, resolve)
      send(id)
      const answer = await promise
      clearTimeout(timer)
      open.delete(id)
      return answer
    },
    receive: (id, answer) => open.get(id)?.(answer),
  }
}
