import { type ReactNode, useEffect } from 'react'
import { Logo } from '../parts/logo.tsx'

/** The frame of the pages outside: signing in and up, and the links of mails. */
export function DoorPage({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Latchkey`
  }, [title])
  return (
    <main className="door">
      <Logo />
      <div className="door-card">
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  )
}
