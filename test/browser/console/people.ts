import type { Test } from 'tap'
import { startApp, type TestApp } from '../../support/app.ts'
import { type MailServer, startMailServer } from '../../support/mail.ts'

/** The service with people and their devices, as a console is looked at. */
export interface Town {
  app: TestApp
  mail: MailServer
  /** Moves the server's clock on, which begins some hours ago. */
  later(ms: number): void
}

/** Starts the service with its console; the settings are those of a new installation, with mail. */
export async function startTown(t: Test, settings: Parameters<typeof startApp>[1] = {}): Promise<Town> {
  const mail = await startMailServer(t)
  let ahead = -devices.length * betweenMs
  const app = await startApp(t, {
    listen: true,
    console: true,
    ...mail.settings,
    mailLimit: 1_000,
    ...settings,
    plugin: { clock: () => Date.now() + ahead },
  })
  return {
    app,
    mail,
    later(ms) {
      ahead += ms
    },
  }
}

const betweenMs = 3 * 3_600_000

const devices = [
  {
    address: '203.0.113.24',
    device: { id: 'phone', name: 'Ada’s iPhone', platform: 'ios' },
    userAgent: 'Notes/4.2 (iPhone; iOS 20.1) ApolloKit/2.1',
  },
  {
    address: '2001:db8:42::7',
    device: { id: 'pixel', name: 'Pixel 12', platform: 'android' },
    userAgent: 'Notes/4.2 (Android 17) apollo-kotlin/5.0',
  },
  {
    address: '198.51.100.7',
    device: { id: 'mac', name: 'MacBook in the office', platform: 'macos' },
    userAgent: 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/20.0 Safari/605.1.15',
  },
]

/** Signs a user in on a phone, another phone and a laptop, with some hours between; now it is now. */
export async function signInOnDevices(
  { app, later }: Town,
  user: { username: string; password: string },
): Promise<void> {
  for (const { address, device, userAgent } of devices) {
    const { body } = await app.graphql(
      'mutation ($username: String!, $password: String!, $device: DeviceInput) { tokenAuth(username: $username, password: $password, device: $device) { token } }',
      { ...user, device },
      { address, headers: { 'user-agent': userAgent } },
    )
    later(betweenMs)
    await app.graphql('{ viewer { id } }', {}, { address, token: body.data.tokenAuth.token })
  }
}
