// An edge node nobody here wrote: Eclipse Tahu's sparkplug-client, steered by lines of JSON on standard input.
//
// {"do":"start"}                    connects; births follow by themselves
// {"do":"data","device":D,"metrics":[...],"timestamp":T}   DDATA, or NDATA without a device
// {"do":"death","device":D}         DDEATH
// {"do":"skip"}                     loses a sequence number
// {"do":"births"}                   prints how often it was born
// {"do":"commands"}                 prints the commands that came
// {"do":"deaf"}                     does not answer requests for births from now on
// {"do":"crash"}                    cuts the connection, so that the broker publishes the will
const [port, node, birthsFile] = process.argv.slice(2);
const births = JSON.parse(birthsFile);
// The client logs to standard output, which belongs to the answers here.
console.log = console.info = console.debug = () => {};
const say = text => process.stdout.write(text + '\n');
const plain = (key, value) => (value && typeof value === 'object' && 'low' in value) ? Number(value.toString()) : value;
const client = require('sparkplug-client').newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: '', password: '', groupId: 'leeds', edgeNode: node, clientId: node,
  version: 'spBv1.0', keepalive: 5, publishDeath: true,
});
let [count, deaf] = [0, false];
const commands = [];
const copy = metrics => metrics.map(metric => ({ ...metric }));
const born = () => {
  count += 1;
  client.publishNodeBirth({ timestamp: Date.now(), metrics: copy(births.node) });
  for (const [device, metrics] of Object.entries(births.devices)) {
    client.publishDeviceBirth(device, { timestamp: Date.now(), metrics: copy(metrics) });
  }
};
client.on('birth', born);
client.on('error', error => process.stderr.write(`${error}\n`));
client.on('ncmd', payload => {
  const rebirth = payload.metrics.some(metric => metric.name === 'Node Control/Rebirth' && metric.value);
  if (rebirth && !deaf) born();
  if (!rebirth) commands.push(payload);
});
// A device that does what it is told, and says so.
client.on('dcmd', (device, payload) => {
  commands.push(payload);
  const metrics = payload.metrics.map(metric => ({ ...metric, timestamp: Date.now() }));
  client.publishDeviceData(device, { timestamp: Date.now(), metrics });
});
const verbs = {
  data: ask => {
    const payload = { timestamp: ask.timestamp ?? Date.now(), metrics: ask.metrics };
    if (ask.device) client.publishDeviceData(ask.device, payload);
    else client.publishNodeData(payload);
  },
  death: ask => client.publishDeviceDeath(ask.device, { timestamp: Date.now(), metrics: [] }),
  skip: () => { client.incrementSeqNum(); },
  births: () => `${count}`,
  commands: () => JSON.stringify(commands, plain),
  deaf: () => { deaf = true; },
  change: ask => { Object.assign(births, ask.births); born(); },
  crash: () => { client.client.options.reconnectPeriod = 0; client.client.stream.destroy(); },
};
require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const ask = JSON.parse(line);
  say(verbs[ask.do](ask) ?? 'ok');
});
say('ready');
