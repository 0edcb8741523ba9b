import { type ReactNode, useEffect, useState } from 'react'
import type { ConsolePage } from '../../src/console-pages.ts'
import { SignOutDocument } from './api/operations.ts'
import { useAction } from './auth/action.ts'
import { useDoor } from './auth/door.tsx'
import { useViewer } from './auth/viewer.tsx'
import { Button } from './parts/button.tsx'
import { Icon, type IconName } from './parts/icon.tsx'
import { Logo } from './parts/logo.tsx'
import { Link, usePlace } from './router.tsx'

type Entry = [page: ConsolePage, text: string, icon: IconName]

const ownPages: Entry[] = [
  ['/', 'Devices', 'devices'],
  ['/account', 'Account', 'person'],
  ['/tokens', 'Personal tokens', 'key'],
  ['/activity', 'Activity', 'clock'],
]

const adminPages: Entry[] = [
  ['/users', 'Users', 'people'],
  ['/audit', 'Audit', 'list'],
]

/** The frame of the pages inside: the way to each of them, who is signed in, and the way out. */
export function Shell({ children }: { children: ReactNode }) {
  const { role } = useViewer()
  const { page } = usePlace()
  const [isOpen, setOpen] = useState(false)
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page has been reached, so that the menu is done
  useEffect(() => setOpen(false), [page])

  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="bar">
        <Logo />
        <Button
          kind="quiet"
          className="menu-button"
          aria-expanded={isOpen}
          aria-controls="menu"
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name="menu" />
          Menu
        </Button>
      </header>
      <div id="menu" className={isOpen ? 'menu open' : 'menu'}>
        <nav aria-label="Your account">
          <Entries entries={ownPages} current={page} />
        </nav>
        {role === 'ADMIN' && (
          <nav aria-labelledby="administration">
            <h2 id="administration">Administration</h2>
            <Entries entries={adminPages} current={page === '/user' ? '/users' : page} />
          </nav>
        )}
        <SignedInAs />
      </div>
      <main
        id="content"
        tabIndex={-1}
        className={page === '/users' || page === '/audit' ? 'content wide' : 'content'}
      >
        {children}
      </main>
    </div>
  )
}

function Entries({ entries, current }: { entries: Entry[]; current: ConsolePage }) {
  return (
    <ul>
      {entries.map(([page, text, icon]) => (
        <li key={page}>
          <Link
            to={page}
            className="entry"
            {...(page === current ? { 'aria-current': 'page' as const } : {})}
          >
            <Icon name={icon} />
            {text}
          </Link>
        </li>
      ))}
    </ul>
  )
}

function SignedInAs() {
  const { username, email } = useViewer()
  const { leave } = useDoor()
  const action = useAction(SignOutDocument)
  return (
    <section className="who" aria-label="Who is signed in">
      <span className="avatar" aria-hidden="true">
        {username.slice(0, 1).toUpperCase()}
      </span>
      <span className="who-names">
        <strong>{username}</strong>
        {email !== null && <span className="faint">{email}</span>}
      </span>
      <Button
        kind="quiet"
        className="leave"
        busy={action.isRunning}
        onClick={async () => {
          if ((await action.run({})) !== null) leave()
        }}
      >
        <Icon name="leave" />
        Sign out
      </Button>
    </section>
  )
}
