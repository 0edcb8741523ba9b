/** An async iterator that ends at once when it is told to, whatever the one inside does. */
export interface Events<T> extends AsyncIterableIterator<T> {
  return(): Promise<IteratorResult<T>>
}

/** Answers each event of a source, in turn. `onEnd` is called once, however it ends. */
export function createEvents<Event, T>(deps: {
  source: AsyncIterator<Event>
  answer: (event: Event) => Promise<T>
  onEnd: () => void
}): Events<T> {
  const { source, answer, onEnd } = deps
  const done = { done: true, value: undefined } as const
  let hasEnded = false
  let wake = (): void => {}

  function end(): void {
    if (hasEnded) return
    hasEnded = true
    onEnd()
    wake()
    // A generator that waits for something returns later; nobody waits for it.
    Promise.resolve(source.return?.()).catch(() => {})
  }

  async function next(): Promise<IteratorResult<T>> {
    if (hasEnded) return done
    try {
      const step = await new Promise<IteratorResult<Event>>((resolve, reject) => {
        wake = () => resolve(done)
        source.next().then(resolve, reject)
      })
      if (step.done) end()
      if (hasEnded) return done
      const value = await answer(step.value as Event)
      return hasEnded ? done : { done: false, value }
    } catch (error) {
      if (hasEnded) return done
      end()
      throw error
    }
  }

  async function finish(): Promise<IteratorResult<T>> {
    end()
    return done
  }

  return {
    next,
    return: finish,
    throw: finish,
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
