import { type ReactNode, useState } from 'react'
import { useQuery } from 'urql'
import { type NextPageFragment, type TokenCardFragment, TokensDocument } from '../api/operations.ts'
import { Button } from '../parts/button.tsx'
import { Page } from '../parts/page.tsx'
import { Pages } from '../parts/pages.tsx'
import { RenameDialog } from '../parts/rename-dialog.tsx'
import { Skeleton, Trouble } from '../parts/states.tsx'
import { TokenCard } from '../parts/token-card.tsx'
import { SignOutDevice, SignOutEverywhere, SignOutOthers } from './devices/sign-out.tsx'

/** Where the reader is signed in, and how to end it. */
export function DevicesPage() {
  const [asking, setAsking] = useState<'others' | 'all' | null>(null)
  return (
    <Page
      title="Your devices"
      about="Each place where you are signed in. Sign out what you do not know, and change your password then."
      actions={
        <>
          <Button onClick={() => setAsking('others')}>Sign out other devices</Button>
          <Button kind="quiet" onClick={() => setAsking('all')}>
            Sign out everywhere
          </Button>
        </>
      }
    >
      <Pages>{(after, more) => <DeviceList after={after} more={more} />}</Pages>
      {asking === 'others' && <SignOutOthers onClose={() => setAsking(null)} />}
      {asking === 'all' && <SignOutEverywhere onClose={() => setAsking(null)} />}
    </Page>
  )
}

function DeviceList({
  after,
  more,
}: {
  after: string | null
  more: (pageInfo: NextPageFragment) => ReactNode
}) {
  const [{ data, error }, again] = useQuery({ query: TokensDocument, variables: { first: 50, after } })
  const [renaming, setRenaming] = useState<TokenCardFragment | null>(null)
  const [ending, setEnding] = useState<TokenCardFragment | null>(null)
  const tokens = data?.viewer?.tokens
  if (error && !tokens) return <Trouble error={error} onRetry={again} />
  if (!tokens) return <Skeleton />

  const devices = tokens.nodes.filter(({ kind }) => kind === 'DEVICE')
  return (
    <>
      <ul className="cards">
        {currentFirst(devices).map((token) => (
          <TokenCard key={token.id} token={token}>
            <Button kind="quiet" onClick={() => setRenaming(token)} aria-label={`Rename ${token.name}`}>
              Rename
            </Button>
            <Button onClick={() => setEnding(token)} aria-label={`Sign out ${token.name}`}>
              Sign out
            </Button>
          </TokenCard>
        ))}
      </ul>
      {more(tokens.pageInfo)}
      {renaming && <RenameDialog token={renaming} onClose={() => setRenaming(null)} />}
      {ending && <SignOutDevice token={ending} onClose={() => setEnding(null)} />}
    </>
  )
}

function currentFirst(tokens: TokenCardFragment[]): TokenCardFragment[] {
  return tokens.toSorted((one, other) => Number(other.current) - Number(one.current))
}
