// The page around the conversation: who may use it and how, whom it asks, what it keeps.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../../../../typescript/tests/browser';
import { CHROMIUM, DESKTOP, NARROW, NIGHT, PHONE, PROGRAM, Served, Shown } from './stage';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8');
const JWT = {
  SMOOTH_AGENT_AUTH_MODE: 'jwt',
  AUTH_JWT_HS256_SECRET: '0123456789abcdef0123456789abcdef',
};
const [TAB, ENTER, ESCAPE, DOWN] = [9, 13, 27, 40];
const missing = CHROMIUM ? '' : ' (not run: no chromium on PATH)';

describe.skipIf(!CHROMIUM)(`the page of the playground${missing}`, () => {
  let server: Served;
  let browser: Browser;
  let shown: Shown;

  beforeAll(async () => {
    server = await Served.start(['--demo']);
    browser = await Browser.start(CHROMIUM ?? '');
  });

  afterAll(async () => {
    await browser.stop();
    await server.stop();
  });

  afterEach(async () => {
    expect(shown.page.faults).toEqual([]);
    await shown.page.close();
  });

  /** What hinders people, by the rules of WCAG 2.2 AA and good practice. */
  async function hindrances(): Promise<unknown> {
    return shown.page.ask(`(async () => {
      const { violations } = await axe.run(document);
      return violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html + ' ' + node.failureSummary)]);
    })()`);
  }

  it.each([
    ['light', DESKTOP],
    ['dark', NIGHT],
    ['phone', PHONE],
    ['narrow', NARROW],
  ])('hinders nobody, and fits, in every state (%s)', async (name, look) => {
    let count = 0;
    shown = await Shown.open(browser, server.url, look);
    await shown.page.ask(AXE);
    const isFine = async (): Promise<void> => {
      await shown.isStill();
      count += 1;
      await shown.picture(`state-${name}-${count}`);
      expect(await hindrances()).toEqual([]);
      const widths = await shown.page.ask('[document.documentElement.scrollWidth, innerWidth]');
      expect(widths).toEqual([look.width, look.width]);
    };
    await isFine();
    await shown.presses('Settings');
    await isFine();
    await shown.presses('Close');
    await shown.says('You may contact me');
    await shown.reads('E-mail address');
    await shown.presses('Send');
    await shown.page.until(`document.querySelector('.field .fault')`);
    await isFine();
    await shown.presses('Decline');
    await shown.says('What is my balance?');
    await shown.reads('One-time code');
    await isFine();
    await shown.presses('Not now');
    await shown.turnIs('settled');
    await shown.says('Please fail');
    await shown.reads('AGENT_ERROR');
    await isFine();
    if (look.width < 600) await shown.presses('Wire');
    await shown.chooses('send_message');
    await shown.becomes(`(() => {
      const list = document.querySelector('.grid').getBoundingClientRect();
      const row = document.querySelector('[aria-selected=true]').getBoundingClientRect();
      return list.top < row.top && row.bottom <= list.bottom + 1;
    })()`);
    await isFine();
  });

  it('asks nobody but its own server', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('How long is your return window?');
    await shown.reads('17-day return window');
    const hosts = shown.page.asked.map((url) => new URL(url).host);
    expect(hosts.length).toBeGreaterThan(3);
    expect(new Set(hosts)).toEqual(new Set([new URL(server.url).host]));
  });

  it('can be used by keys alone, and says to screen readers what happens', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.fills('Message', 'Please delete record 42');
    await shown.key('Enter', ENTER);
    await shown.isTold('The agent asks: May it do this?');
    await shown.becomes(`document.activeElement.classList.contains('question')`);
    await shown.key('Tab', TAB);
    expect(await shown.focused()).toBe('Approve');
    await shown.key('Tab', TAB);
    expect(await shown.focused()).toBe('Deny');
    await shown.key('Enter', ENTER);
    await shown.isTold('I did not delete anything');
    await shown.becomes(`document.activeElement.id === 'composer'`);
    await shown.fills('Message', 'Tell it slow');
    await shown.key('Enter', ENTER);
    await shown.reads('1 2 3');
    await shown.key('Escape', ESCAPE);
    await shown.reads('cancelled');
  });

  it('reads a frame by keys, and shuts it again', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.page.until(`document.querySelectorAll('[data-row]').length >= 4`);
    await shown.page.ask(`document.querySelector('[role=grid]').focus()`);
    await shown.key('ArrowDown', DOWN);
    await shown.page.until(`document.querySelector('.detail h3')`);
    const first = `document.querySelector('.detail h3').textContent`;
    expect(await shown.page.ask(first)).toBe('create_conversation_session');
    await shown.key('ArrowDown', DOWN);
    await shown.page.until(`${first} === 'immediate_response'`);
    expect(await shown.page.ask(`document.querySelector('.json').innerText`)).toContain(
      'conversationId: ',
    );
    await shown.picture('frame-light');
    await shown.key('Escape', ESCAPE);
    await shown.page.until(`!document.querySelector('.detail')`);
  });

  it('finds frames by direction, type and text', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('How long is your return window?');
    await shown.reads('completed');
    await shown.ticks('Fold repeats');
    await shown.page.until(`document.querySelector('.grid').innerText.includes('stream_token ×')`);
    await shown.picture('folded-light');
    expect((await shown.types()).filter((type) => type.startsWith('stream_token'))).toHaveLength(1);
    await shown.ticks('Fold repeats');
    await shown.ticks('↑ Out');
    await shown.page.until(`document.querySelector('.count').textContent.startsWith('2 of')`);
    expect(await shown.types()).toEqual(['create_conversation_session', 'send_message']);
    await shown.presses('Show all');
    await shown.page.ask(`(() => {
      const types = document.querySelector('.filter select');
      types.value = 'eventual_response';
      types.dispatchEvent(new Event('change', { bubbles: true }));
    })()`);
    await shown.page.until(`document.querySelector('.count').textContent.startsWith('1 of')`);
    expect(await shown.types()).toEqual(['eventual_response']);
    await shown.presses('Show all');
    await shown.page.ask(`document.querySelector('[type=search]').focus()`);
    await shown.page.call('Input.insertText', { text: 'nothing is like this' });
    await shown.sees('No frame is like that');
    await shown.presses('Show all');
    await shown.presses('Clear');
    await shown.sees('Nothing has crossed the wire');
  });

  it('takes up the answer that runs when the page is loaded again', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('How long is your return window?');
    await shown.reads('completed');
    await shown.says('Tell it slow');
    await shown.reads('1 2 3 4');
    await shown.page.reload();
    await shown.reads('Lantern & Loom has a 17-day return window');
    await shown.reads('Tell it slow');
    await shown.reads('1 2 3 4 5 6');
    await shown.presses('Stop');
    await shown.reads('cancelled');
    await shown.presses('New conversation');
    await shown.reads('Ask something, and watch the wire');
  });

  it('shows what a person says who joins', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('How long is your return window?');
    await shown.reads('completed');
    const admin = async (method: string, path: string, body?: object): Promise<unknown> => {
      const answer = await fetch(new URL(`admin/conversations${path}`, server.url), {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      expect(answer.status).toBeLessThan(300);
      return answer.json();
    };
    const { conversations } = (await admin('GET', '')) as { conversations: { id: string }[] };
    const [{ id } = { id: '' }] = conversations;
    await admin('POST', `/${id}/join`);
    await shown.reads('joined');
    await admin('POST', `/${id}/messages`, { text: 'A person writes this.' });
    await shown.reads('A person writes this.');
    await shown.isTold('A person writes this.');
    await shown.picture('person-light');
  });

  it('keeps the colours that were chosen', async () => {
    shown = await Shown.open(browser, server.url);
    const paper = `getComputedStyle(document.body).backgroundColor`;
    const light = await shown.page.ask(paper);
    await shown.page.ask(`(() => {
      const colours = document.querySelector('.theme');
      colours.value = 'dark';
      colours.dispatchEvent(new Event('change', { bubbles: true }));
    })()`);
    await shown.becomes(`${paper} !== ${JSON.stringify(light)}`);
    const dark = await shown.page.ask(paper);
    await shown.page.reload();
    await shown.sees('Link open');
    expect(await shown.page.ask(paper)).toBe(dark);
    await shown.page.ask('localStorage.clear()');
  });

  it('says that the server is away, and goes on when it is back', async () => {
    const first = await Served.start(['--demo']);
    const port = Number(new URL(first.url).port);
    shown = await Shown.open(browser, first.url);
    await first.stop();
    await shown.sees('Link lost');
    await shown.reads('The server does not answer');
    await shown.picture('away-light');
    const second = await Served.start(['--demo'], { port });
    await shown.presses('Try now');
    await shown.sees('Link open');
    // It kept nothing: the conversation is not known any more.
    await shown.says('How long is your return window?');
    await shown.presses('Begin a new conversation');
    await shown.says('How long is your return window?');
    await shown.reads('17-day return window');
    await second.stop();
  });

  it('asks for a token where one is needed, and shows it nowhere', async () => {
    const guarded = await Served.start(['--demo'], { env: JWT });
    const how = { env: { ...process.env, ...JWT }, encoding: 'utf8' } as const;
    const token = execFileSync(PROGRAM, ['token', '--sub', '1', '--org', 'acme'], how).trim();
    shown = await Shown.begun(browser, guarded.url);
    await shown.reads('give it a token in the settings');
    await shown.picture('token-light');
    await shown.presses('Settings');
    await shown.fills('Token', token);
    await shown.picture('settings-light');
    await shown.presses('Begin a new conversation');
    await shown.says('How long is your return window?');
    await shown.reads('17-day return window');
    expect(await shown.page.ask('document.body.innerText')).not.toContain(token);
    expect(
      await shown.page.ask('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])'),
    ).not.toContain(token);
    await guarded.stop();
  });
});
