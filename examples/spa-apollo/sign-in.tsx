import { AuthError } from 'latchkey/client'
import { useState } from 'react'
import { auth, device } from './auth.ts'

export function SignIn() {
  const [problem, setProblem] = useState('')

  async function submit(form: FormData) {
    const [username, password] = [String(form.get('username')), String(form.get('password'))]
    try {
      await auth.signIn({ username, password, device })
    } catch (error) {
      setProblem(inWords(error))
    }
  }

  return (
    <form action={submit}>
      <h1>Sign in</h1>
      <label>
        Username <input name="username" autoComplete="username" required />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Sign in</button>
      {problem && <p role="alert">{problem}</p>}
    </form>
  )
}

/** Branches on code and reason; the message is for people who speak the server's language. */
function inWords(error: unknown): string {
  if (!(error instanceof AuthError)) return 'The server cannot be reached. Try again.'
  if (error.reason === 'CREDENTIALS' && error.code === 'UNAUTHENTICATED') return 'Wrong username or password.'
  if (error.code === 'RATE_LIMITED') return `Too many tries. Wait ${error.extensions.retryAfter} seconds.`
  return error.message
}
