"""Plays the planner at a Tryton server, with its own client library (proteus).

usage: tryton_plan.py SERVER DATABASE PASSWORD setup            a company, a product and what is needed to produce it
       tryton_plan.py SERVER DATABASE PASSWORD order QUANTITY   a production of it, released to the plant; prints its number
       tryton_plan.py SERVER DATABASE PASSWORD show NUMBER      prints state, quantity and what went into stock, as JSON
"""
import datetime
import json
import sys
from decimal import Decimal

from proteus import Model, config


def setup():
    Currency, Party, Company = Model.get("currency.currency"), Model.get("party.party"), Model.get("company.company")
    currency = Currency(name="Pound", symbol="GBP", code="GBP", rounding=Decimal("0.01"))
    currency.save()
    party = Party(name="Acme")
    party.save()
    company = Company(party=party, currency=currency)
    company.save()
    User = Model.get("res.user")
    user = User(1)
    user.companies.append(Company(company.id))
    user.company = Company(company.id)
    user.save()
    # What belongs to a company is made in its name.
    config.get_config()._context = User.get_preferences(True, {})
    unit, = Model.get("product.uom").find([("name", "=", "Unit")])
    Template = Model.get("product.template")
    template = Template(name="Cola 0.5", default_uom=unit, type="goods", producible=True, list_price=Decimal(1))
    template.products[0].suffix_code = "COLA-050"
    template.save()


def order(quantity):
    product, = Model.get("product.product").find([("code", "=", "COLA-050")])
    Production = Model.get("production")
    production = Production(planned_date=datetime.date.today())
    production.product = product
    production.quantity = quantity
    output = production.outputs.new()
    output.product = product
    output.unit = product.default_uom
    output.quantity = quantity
    output.from_location = production.location
    output.to_location = production.warehouse.storage_location
    output.unit_price = Decimal(0)
    output.currency = production.company.currency
    production.save()
    production.click("wait")
    production.click("assign_try")
    production.reload()
    assert production.state == "assigned", production.state
    print(production.number)


def show(number):
    production, = Model.get("production").find([("number", "=", number)])
    moves = [[move.quantity, move.state] for move in production.outputs]
    print(json.dumps({"state": production.state, "quantity": production.quantity, "outputs": moves}))


server, database, password, what, *words = sys.argv[1:]
scheme, host = server.split("://")
config.set_xmlrpc(f"{scheme}://admin:{password}@{host}/{database}/")
config.get_config()._context = Model.get("res.user").get_preferences(True, {})
{"setup": setup, "order": lambda: order(float(words[0])), "show": lambda: show(words[0])}[what]()
