import { createContext, type ReactNode, useCallback, useContext, useEffect, useState } from 'react'
import { Icon } from './icon.tsx'

const SayContext = createContext<(sentence: string) => void>(() => {})

/** Says in passing that something is done. */
export function useSay(): (sentence: string) => void {
  return useContext(SayContext)
}

const lifeMs = 6_000

/** Keeps the sentences of `useSay`, the last one on the screen for a while. */
export function Toasts({ children }: { children: ReactNode }) {
  const [sentence, setSentence] = useState('')
  const say = useCallback((next: string) => setSentence(next), [])
  useEffect(() => {
    if (sentence === '') return
    const timer = setTimeout(() => setSentence(''), lifeMs)
    return () => clearTimeout(timer)
  }, [sentence])
  return (
    <SayContext value={say}>
      {children}
      <div className="toasts" role="status">
        {sentence !== '' && (
          <div className="toast">
            <Icon name="check" />
            {sentence}
          </div>
        )}
      </div>
    </SayContext>
  )
}
