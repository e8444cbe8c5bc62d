import { checked, type AirflowClient, type Call } from '../../../backends/airflow/client.ts';
import { refusal, type Reply } from '../../../backends/airflow/errors.ts';

/** A client whose calls are answered by a function, in the place of the network. */
export function clientOf(answer: (call: Call) => Promise<Reply>): AirflowClient {
  return {
    send: answer,
    ask: async (call, schema) => {
      const reply = await answer(call);
      if (reply.status >= 300) throw refusal(call.action, reply);
      return checked(call, reply, schema);
    },
    close: async () => undefined,
  };
}
