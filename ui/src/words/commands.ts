/** Every command and file name that the pages quote, in one place, so that they can be kept true. */
export const COMMANDS = {
  firstStart: "ironbridge run PLANT",
  recover: "ironbridge user link NAME",
  check: "ironbridge check PLANT",
  apply: "ironbridge apply PLANT",
  setSecret: "ironbridge secret set NAME",
  audit: "ironbridge audit verify",
  token: "ironbridge token add NAME --role viewer",
};
export const FILES = {
  plant: "ironbridge.toml",
  connection: "connections/NAME.toml",
  destination: "destinations/NAME.toml",
  asset: "assets/NAME.toml",
};
export const SAMPLES = {
  connection: `# connections/line-1.toml
kind = "modbus-tcp"
host = "10.20.1.11"
scan = { fast = "250ms", normal = "1s" }

[device.filler]
unit = 1
at = "packaging/line-1/filler"

[device.filler.tags]
speed = { at = "40101", type = "f32", unit = "/min", scan = "fast" }`,
  destination: `# destinations/hq.toml
kind = "mqtt"
url = "mqtts://broker.example:8883"
password = { secret = "hq-mqtt" }
select = ["packaging/**"]`,
  orders: `# connections/mes.toml
kind = "webhook"
token = { secret = "mes" }
commands = "on"

[device.order]
at = "packaging/line-1/order"

[device.order.tags]
number = { at = "orders", type = "text", value = "/order" }

[device.order.commands]
speed = { at = "orders", write = "packaging/line-1/filler/target", value = "/speed", id = "/order", time = "/given", ttl = "5min" }`,
  asset: `# assets/filler.toml
type = "Filler"
path = "packaging/line-1/filler"
level = "work-unit"
owner_ot = "Maintenance A"
owner_it = "Plant IT"`,
  monitor: `# ironbridge.toml
[monitor]
interfaces = ["eth1"]`,
  capability: "sudo setcap cap_net_raw+ep /usr/bin/ironbridge",
};
