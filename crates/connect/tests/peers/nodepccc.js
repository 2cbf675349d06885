// nodepccc: reads and writes data files of an SLC 500. usage: nodepccc.js PORT; then lines of JSON: {"read": {...}} or {"write": [...]}
const nodepccc = require(`${process.env.NODE_PATH}/nodepccc`);
const connection = new nodepccc({ silent: true });
connection.initiateConnection({ port: Number(process.argv[2]), host: '127.0.0.1' }, (error) => {
  if (error) { console.log(String(error)); process.exit(1); }
  console.log('ready');
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const asked = JSON.parse(line);
    if (asked.write) {
      connection.writeItems(asked.write[0], asked.write[1], (bad) => console.log(JSON.stringify({ bad })));
    } else {
      connection.addItems(asked.read);
      connection.readAllItems((bad, values) => console.log(JSON.stringify({ bad, values })));
    }
  });
});
