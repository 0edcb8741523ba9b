import { ApolloProvider } from '@apollo/client/react'
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { auth } from './auth.ts'
import { client } from './client.ts'
import { Devices } from './devices.tsx'
import { SignIn } from './sign-in.tsx'

function App() {
  const [isSignedIn, setSignedIn] = useState(false)
  const [notice, setNotice] = useState('')

  useEffect(() => {
    auth.find().then((token) => setSignedIn(token !== null))
    return auth.subscribe(async (event) => {
      if (event.kind !== 'signed-in' && event.kind !== 'signed-out') return
      setSignedIn(false)
      await client.clearStore() // what one user has read is not for the next
      setSignedIn(event.kind === 'signed-in')
      setNotice(event.kind === 'signed-out' ? inWords(event.reason) : '')
    })
  }, [])

  return (
    <ApolloProvider client={client}>
      {notice && <p role="status">{notice}</p>}
      {isSignedIn ? <Devices /> : <SignIn />}
    </ApolloProvider>
  )
}

/** Why somebody is asked to sign in; `SIGNED_OUT` is the only reason that is the client's own. */
function inWords(reason: string): string {
  if (reason === 'SIGNED_OUT') return 'You are signed out.'
  return reason === 'EXPIRED' ? 'Your sign-in has expired.' : 'You were signed out from elsewhere.'
}

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
