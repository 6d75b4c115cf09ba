// The playground as a person meets it: the page in a real browser, at the server's demonstration.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../../../../typescript/tests/browser';
import { CHROMIUM, DESKTOP, type Look, NIGHT, PHONE, Served, Shown } from './stage';

const ANSWER = 'Lantern & Loom has a 17-day return window';
const missing = CHROMIUM ? '' : ' (not run: no chromium on PATH)';
const LOOKS: Readonly<Record<string, Look>> = {
  light: DESKTOP,
  dark: NIGHT,
  phone: PHONE,
};

describe.skipIf(!CHROMIUM)(`the playground${missing}`, () => {
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

  /** Keeps a picture of the page as it is, in each of its looks. */
  async function pictures(name: string): Promise<void> {
    for (const [word, look] of Object.entries(LOOKS)) {
      await shown.looks(look);
      await shown.picture(`${name}-${word}`);
    }
    await shown.looks(DESKTOP);
  }

  it('answers an example of the empty page with its source', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.sees('Ask something, and watch the wire');
    await pictures('empty');
    await shown.presses('How long is your return window?');
    await shown.reads(ANSWER);
    await shown.reads('completed');
    await shown.turnIs('settled');
    await shown.reads('returns.md');
    await pictures('answered');
    expect(await shown.types()).toContain('eventual_response');
  });

  it('lets a person approve what a tool wants to do', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('Please delete record 42');
    await shown.reads('May it do this?');
    await shown.turnIs('running');
    expect(await shown.lit('confirmation')).toBe('open');
    await pictures('confirm');
    await shown.presses('Approve');
    await shown.reads('Record 42 is deleted.');
    await shown.turnIs('settled');
    expect(await shown.lit('confirmation')).toBe('none');
  });

  it('takes a no for an answer', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('Please delete record 42');
    await shown.presses('Deny');
    await shown.reads('I did not delete anything');
  });

  it('asks for a one-time code, says what is wrong with it, and shows it in no frame', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('What is my balance?');
    await shown.fills('One-time code', '999111');
    await shown.presses('Verify');
    await shown.reads('left');
    await pictures('otp');
    await shown.fills('One-time code', '123456');
    await shown.presses('Verify');
    await shown.reads('Your balance is');
    expect(await shown.types()).toContain('otp_verified');
    expect(await shown.page.ask(`document.querySelector('.wire').innerText`)).not.toMatch(
      /999111|123456/,
    );
  });

  it('fills a form, and shows by its field what the server does not accept', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('You may contact me');
    await shown.fills('Your name', 'Ada');
    await shown.fills('E-mail address', 'nowhere');
    await shown.presses('Send');
    await shown.page.until(`document.querySelector('.field .fault')`);
    await pictures('form');
    await shown.fills('E-mail address', '@example.com');
    await shown.presses('Send');
    await shown.reads('We will write to nowhere@example.com.');
  });

  it('offers a choice', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('Help me choose a lamp');
    await shown.reads('Which shade do you like best?');
    await shown.ticks('Paper');
    await pictures('choices');
    await shown.presses('Send');
    await shown.reads('Noted: Paper.');
  });

  it('goes on with an answer whose link was cut', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('Tell it slow');
    await shown.reads('5 6 7');
    await shown.turnIs('running');
    await pictures('streaming');
    await shown.presses('Cut the link');
    await shown.sees('Link cut');
    await shown.turnIs('suspended');
    await shown.sees('lost');
    await pictures('cut');
    await shown.presses('Resume');
    await shown.sees('Link open');
    await shown.turnIs('running');
    expect(await shown.types()).toContain('turn_resumed');
    await pictures('resumed');
    await shown.presses('Stop');
    await shown.reads('cancelled');
    await shown.turnIs('settled');
  });

  it('says in words what went wrong', async () => {
    shown = await Shown.open(browser, server.url);
    await shown.says('Please fail');
    await shown.reads('AGENT_ERROR');
    await shown.reads('demonstration was asked to fail');
    await pictures('error');
  });
});
