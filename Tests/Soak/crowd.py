"""Many people and appointments with a few statements, where a scenario needs thousands."""

import datetime
import uuid

from odys import NUMBERS, STARTS_AT, Booking, Person


def make(fleet, count, each, people):
    """`count` bookings, `each` of them of one professional, an hour apart; every client once."""
    professionals, clients, bookings = [], [], []
    for number in range(count):
        if number % each == 0:
            professionals.append(professional(people))
        clients.append(client(people))
        starts_at = STARTS_AT + datetime.timedelta(hours=number % each)
        bookings.append(Booking(str(uuid.uuid4()), professionals[-1], clients[-1], starts_at))
    with fleet.connect() as connection, connection.cursor() as cursor:
        connection.begin()
        cursor.executemany(
            "INSERT INTO professionals (id, user_id, name, slug, phone, profession) VALUES (%s, %s, %s, %s, %s, %s)",
            [(each.id, each.user_id, each.name, each.slug, each.phone, "Psicóloga") for each in professionals])
        cursor.executemany(
            "INSERT INTO clients (id, user_id, professional_id, name, phone, email) VALUES (%s, %s, %s, %s, %s, %s)",
            [(each.client.id, each.client.user_id, each.professional.id, each.client.name, each.client.phone,
              each.client.email) for each in bookings])
        cursor.executemany(
            "INSERT INTO appointments (id, professional_id, client_id, starts_at, ends_at) VALUES (%s, %s, %s, %s, %s)",
            [(each.id, each.professional.id, each.client.id, each.starts_at,
              each.starts_at + datetime.timedelta(minutes=50)) for each in bookings])
        connection.commit()
    fleet.made += [each.id for each in bookings]
    return bookings


def professional(people):
    number = next(NUMBERS)
    phone = people.get("phone", f"(11) 9{str(number)[:4]}-{str(number)[4:]}")
    return Person(str(uuid.uuid4()), f"professional-{number}", f"Paula Lima {number}", phone, f"55119{number}",
                  slug=f"paula-lima-{number}")


def client(people):
    number = next(NUMBERS)
    phone = people.get("phone", f"+55 21 9{number}")
    return Person(str(uuid.uuid4()), f"client-{number}", f"Ana Souza {number}", phone, f"55219{number}",
                  email=people.get("email", f"ana-{number}@example.com"))
