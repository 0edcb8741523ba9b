import '@fontsource-variable/inter/wght.css'
import './styles/theme.css'
import './styles/base.css'
import './styles/layout.css'
import './styles/parts.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { DoorProvider } from './auth/door.tsx'

const endpoint =
  document.querySelector<HTMLMetaElement>('meta[name="latchkey-endpoint"]')?.content ?? 'graphql'

const root = document.getElementById('console')
if (root === null) throw new Error('index.html has no element #console')
createRoot(root).render(
  <StrictMode>
    <DoorProvider endpoint={new URL(endpoint, location.href).href}>
      <App />
    </DoorProvider>
  </StrictMode>,
)
