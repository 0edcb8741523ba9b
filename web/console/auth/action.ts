import { useRef, useState } from 'react'
import { type AnyVariables, type TypedDocumentNode, useClient } from 'urql'
import { explain, needsFreshPassword, type Problem } from '../api/problems.ts'
import { useFreshPassword } from './fresh-password.tsx'

/** A mutation that a person sets off. */
export interface Action<Data, Variables> {
  /** Runs it; null where it was refused, which `problem` explains, or is running already. */
  run(variables: Variables): Promise<Data | null>
  isRunning: boolean
  problem: Problem | null
  forget(): void
}

/**
 * A mutation as a button or a form needs it. Where the API wants a fresh proof of the password (`STALE_LOGIN`), the person is
 * asked for it, and then the mutation goes on. `touches` names the types whose lists are read anew afterwards.
 */
export function useAction<Data, Variables extends AnyVariables>(
  mutation: TypedDocumentNode<Data, Variables>,
  touches: string[] = [],
): Action<Data, Variables> {
  const client = useClient()
  const askForPassword = useFreshPassword()
  const running = useRef(false)
  const [isRunning, setRunning] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)

  async function run(variables: Variables): Promise<Data | null> {
    if (running.current) return null // a second press while the first is under way
    running.current = true
    setRunning(true)
    setProblem(null)
    const send = () => client.mutation(mutation, variables, { additionalTypenames: touches }).toPromise()
    let { data, error } = await send()
    if (needsFreshPassword(error) && (await askForPassword())) ({ data, error } = await send())
    running.current = false
    setRunning(false)
    if (error === undefined) return data ?? null
    setProblem(explain(error))
    return null
  }

  return { run, isRunning, problem, forget: () => setProblem(null) }
}
