import 'graphiql/setup-workers/vite'
import '@graphiql/react/style.css'
import '@graphiql/plugin-doc-explorer/style.css'
import '@graphiql/plugin-history/style.css'
import 'graphiql/graphiql.css'
import './style.css'
import { HISTORY_PLUGIN } from '@graphiql/plugin-history'
import type { GraphiQLPlugin } from '@graphiql/react'
import { GraphiQL } from 'graphiql'
import { createRoot } from 'react-dom/client'
import {
  headersExample,
  personalTokenExample,
  signInExample,
  signOutExample,
  viewerExample,
} from './examples.ts'
import { createFetcher } from './fetcher.ts'
import { createSignIn } from './sign-in.ts'
import { SignInIcon, SignInPanel } from './sign-in-panel.tsx'
import { createStorage, hasTabs, keepsHeaders } from './storage.ts'

const endpoint =
  document.querySelector<HTMLMetaElement>('meta[name="latchkey-endpoint"]')?.content ?? '/graphql'
const storage = createStorage(localStorage)
const signIn = createSignIn(endpoint)
const signInPlugin: GraphiQLPlugin = {
  title: 'Sign in',
  icon: SignInIcon,
  content: () => <SignInPanel store={signIn} />,
}
// On later visits GraphiQL brings back what was there.
const firstVisit = hasTabs(storage) ? {} : { visiblePlugin: signInPlugin }

const page = document.getElementById('graphiql')
if (page === null) throw new Error('index.html has no element #graphiql')
createRoot(page).render(
  <GraphiQL
    fetcher={createFetcher(endpoint, signIn)}
    storage={storage}
    defaultTabs={[viewerExample, signInExample, signOutExample, personalTokenExample]}
    plugins={[signInPlugin, HISTORY_PLUGIN]}
    defaultHeaders={headersExample}
    defaultEditorToolsVisibility={true}
    isHeadersEditorEnabled={true}
    shouldPersistHeaders={keepsHeaders(storage)}
    showPersistHeadersSettings={true}
    {...firstVisit}
  >
    <GraphiQL.Logo>Latchkey</GraphiQL.Logo>
  </GraphiQL>,
)
