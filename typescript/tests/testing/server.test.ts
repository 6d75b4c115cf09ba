import { expect, it } from 'vitest';
import { TurnInterruptedError } from '../../src/index';
import { FakeServer } from '../../src/testing/index';

const agentId = '00000000-0000-4000-8000-0000000000a1';

it('runs the example of the package as it is written', async () => {
  const srv = new FakeServer({ replay: false }); // by default a cut turn resumes
  srv.onMessage('refund').confirm('refund order 7').cut(1006);
  await expect(
    (await srv.connectClient().startConversation({ agentId })).ask('refund'),
  ).rejects.toThrow(TurnInterruptedError);
  await srv.clock.advance(1_000);
  expect(srv.connections).toBe(2); // reconnected without a real second passing
});

it('answers as it was told', async () => {
  const server = new FakeServer();
  server.onMessage('refund').confirm('refund order 7').tokens('Do', 'ne').finish();
  const chat = await server.conversation({ handlers: { confirm: () => true } });
  expect((await chat.ask('refund')).text).toBe('Done');
  expect(server.sent('confirm_tool_action')[0]?.approved).toBe(true);
  await server.close();
});
