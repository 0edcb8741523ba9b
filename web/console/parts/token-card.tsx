import type { ReactNode } from 'react'
import type { TokenCardFragment } from '../api/operations.ts'
import { parseUserAgent } from '../auth/device.ts'
import { Icon, type IconName } from './icon.tsx'
import { ago, dayOf, momentOf, until } from './time.ts'

/** A device or a token of another kind, as a card of a list. */
export function TokenCard({
  token,
  heading: Heading = 'h2',
  children,
}: {
  token: TokenCardFragment
  /** One below that of what the list is in. */
  heading?: 'h2' | 'h3'
  children?: ReactNode
}) {
  return (
    <li className={token.current ? 'card current' : 'card'}>
      <span className="card-icon">
        <Icon name={iconOf(token)} />
      </span>
      <div className="card-body">
        <Heading>
          <span className="name">{token.name}</span>
          {token.current && <span className="badge accent">This device</span>}
        </Heading>
        <p>
          <LastUse token={token} />
        </p>
        <p className="faint">
          <Since token={token} />
        </p>
      </div>
      {children && <div className="card-actions">{children}</div>}
    </li>
  )
}

function LastUse({ token: { current, lastUsedAt, lastUsedAddress } }: { token: TokenCardFragment }) {
  const place = lastUsedAddress !== null && (
    <>
      {' '}
      from <span className="address">{lastUsedAddress}</span>
    </>
  )
  // The server writes last uses down every few seconds: about this very request it knows nothing yet.
  if (current) return <>In use now{place}</>
  if (lastUsedAt === null) return <>Not used yet</>
  return (
    <>
      Last used <time dateTime={lastUsedAt}>{ago(lastUsedAt)}</time>
      {place}
    </>
  )
}

function Since({ token }: { token: TokenCardFragment }) {
  const { kind, createdAt, expiresAt, scopes, userAgent } = token
  const client = userAgent === null ? '' : clientOf(userAgent)
  return (
    <>
      {kind === 'DEVICE' ? `Signed in on ${dayOf(createdAt)}` : `Made on ${dayOf(createdAt)}`}
      {kind === 'DEVICE' && client !== '' && client !== token.name && ` with ${client}`}
      {kind !== 'DEVICE' && ` · ${scopes.length === 0 ? 'no scopes' : scopes.join(', ').toLowerCase()}`}
      {' · '}
      <time dateTime={expiresAt} title={momentOf(expiresAt)}>
        {kind === 'DEVICE' ? 'signs out' : 'ends'} {until(expiresAt)}
      </time>
    </>
  )
}

/** What people know of a `User-Agent`; of a program that is no browser, its name. */
function clientOf(userAgent: string): string {
  const { browser, system } = parseUserAgent(userAgent)
  if (userAgent.startsWith('Mozilla/')) return `${browser} on ${system}`
  return userAgent.split(/[/ ]/)[0] ?? ''
}

function iconOf({ kind, device: { platform }, name }: TokenCardFragment): IconName {
  if (kind !== 'DEVICE') return 'key'
  const hint = `${platform ?? ''} ${name}`.toLowerCase()
  if (/ipad|tablet/.test(hint)) return 'tablet'
  if (/ios|iphone|android|phone|pixel/.test(hint)) return 'phone'
  if (/mac|windows|laptop|desktop/.test(platform ?? '')) return 'laptop'
  if (/cli|terminal|script|server|curl/.test(hint)) return 'terminal'
  return platform === 'web' ? 'browser' : 'laptop'
}
